//! Writes generated inputs into a folder: `generate FOLDER NAME...`.

use std::error::Error;
use std::time::Instant;

use authz_benches::{Folder, Input};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: generate FOLDER NAME...")?;
    std::fs::create_dir_all(&path)?;
    let folder = Folder::new(path);
    for name in arguments {
        let start = Instant::now();
        let input = Input::generate(&name)?;
        folder.write(&input)?;
        print!("{name}: {} policies, {} bytes", input.policies.len(), input.text.len());
        for stream in &input.streams {
            let allowed = stream.allowed.iter().filter(|allowed| **allowed).count();
            print!(", {} {allowed}/{}", stream.name, stream.queries.len());
        }
        println!(" allowed; {:.1} s", start.elapsed().as_secs_f64());
    }
    Ok(())
}
