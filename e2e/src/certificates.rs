//! Certificates as a mesh issues them, with any URI SANs, and such as others issue.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, SanType};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// An authority that a proxy may trust.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its key.
#[derive(Clone, Debug)]
pub struct Identity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: Arc<PrivateKeyDer<'static>>,
    /// The certificate, as proxies read it.
    pub certificate_pem: String,
    /// Its key, as proxies read it.
    pub key_pem: String,
}

impl Authority {
    /// A new one.
    pub fn new() -> Self {
        Self::called("the mesh")
    }

    /// A new one of another name, whose certificates others do not even seem to have issued.
    pub fn called(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// The authority's own certificate.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A certificate with these URI SANs, in their order, and no other name, as Istio's have none; nothing if one has
    /// characters that no URI SAN can have.
    pub fn issue(&self, uris: &[&str]) -> Option<Identity> {
        self.issue_named(uris, &[], None)
    }

    /// A certificate with these URI SANs, these DNS SANs and this common name; nothing if one has characters that
    /// no such name can have.
    pub fn issue_named(&self, uris: &[&str], dns_names: &[&str], common_name: Option<&str>) -> Option<Identity> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        if let Some(name) = common_name {
            params.distinguished_name.push(DnType::CommonName, name);
        }
        for uri in uris {
            params.subject_alt_names.push(SanType::URI((*uri).try_into().ok()?));
        }
        for name in dns_names {
            params.subject_alt_names.push(SanType::DnsName((*name).try_into().ok()?));
        }
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let key_der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Some(Identity {
            chain: vec![certificate.der().clone()],
            key: Arc::new(key_der),
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
        })
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}
