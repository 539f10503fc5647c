use super::*;

#[test]
fn identities_are_taken_apart_whatever_their_length() {
    let home = Home::new("cluster.local").unwrap();
    for namespace in 1..200 {
        for account in 1..200 {
            let (namespace, account) = ("n".repeat(namespace), "a".repeat(account));
            let identity = format!("spiffe://cluster.local/ns/{namespace}/sa/{account}");
            match home.parse(identity.as_bytes()) {
                Some(local) => {
                    assert_eq!(local.namespace(), namespace.as_bytes());
                    assert_eq!(local.standard().service_account(), account.as_bytes());
                    assert_eq!(local.standard().trust_domain(), b"cluster.local");
                }
                None => assert!(account.len() > WINDOW - "/sa/".len(), "{identity}"),
            }
        }
    }
}

#[test]
fn other_forms_are_not_taken_apart() {
    let home = Home::new("cluster.local").unwrap();
    let long = "x".repeat(100);
    for rest in [
        "",
        "a",
        "a/sa",
        "a/sa/",
        "/sa/b",
        "a/sb/b",
        "a/sa/b/",
        "a/sa/b/c",
        "a//sa/b",
        "a/b/sa/c",
        "ns/sa/b",
        &format!("a/{long}/sa/b"),
        &format!("{long}/b/sa/{}", "c".repeat(50)),
        &format!("/{long}/sa/b"),
        &long,
        &"x/sa/b".repeat(300),
    ] {
        let identity = format!("spiffe://cluster.local/ns/{rest}");
        assert!(home.parse(identity.as_bytes()).is_none(), "{identity}");
    }
    let far = Home::new("a.trust-domain.of-many.letters.example").unwrap();
    assert!(far.parse(b"spiffe://a.trust-domain.of-many.letters.example/ns/a/sa/b").is_some());
    assert!(far.parse(b"spiffe://a.trust-domain.of-some.letters.example/ns/a/sa/b").is_none());
    for identity in ["spiffe://cluster.loca/ns/a/sa/b", "https://cluster.local/ns/a/sa/b", "cluster.local/ns/a/sa/b", ""] {
        assert!(home.parse(identity.as_bytes()).is_none(), "{identity}");
    }
    assert!(Home::new("").is_none());
    assert!(Home::new("ns").is_none());
    assert!(Home::new("ns/ns/ns").is_none());
}

#[test]
fn what_was_added_is_found_and_nothing_else() {
    let mut home = Home::new("cluster.local").unwrap();
    let namespaces: Vec<String> =
        (1..60).map(|length| "n".repeat(length)).chain((0..500).map(|n| format!("other-{n}"))).collect();
    assert!(namespaces.iter().all(|namespace| home.add(namespace)));
    assert!(home.add("other-7"), "it is there already");
    home.finish();
    let mut next = 0..;
    home.classify(|_, _| next.next());
    assert_eq!(next.next(), u32::try_from(namespaces.len()).ok());
    let is_known = |namespace: &str| {
        let identity = format!("spiffe://cluster.local/ns/{namespace}/sa/a");
        home.namespace(&home.parse(identity.as_bytes()).unwrap()).and_then(Spot::class).is_some()
    };
    for namespace in &namespaces {
        assert!(is_known(namespace), "{namespace}");
        assert!(!is_known(&format!("x{namespace}")), "x{namespace}");
        assert!(!is_known(&format!("{namespace}x")), "{namespace}x");
    }
}

#[test]
fn too_many_of_one_hash_have_no_room() {
    let mut home = Home::new("cluster.local").unwrap();
    // What stands before the last 32 bytes of a namespace is not hashed.
    let namespaces: Vec<String> = (0..=ALIKE).map(|number| format!("{number}-and-then-{}", "all-the-same".repeat(3))).collect();
    let fits: Vec<bool> = namespaces.iter().map(|namespace| home.add(namespace)).collect();
    assert_eq!((fits.iter().filter(|fits| **fits).count(), fits.last()), (ALIKE, Some(&false)));
    assert!(home.add(&namespaces[0]), "it is there already");
}
