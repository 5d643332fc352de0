//! The example configuration is part of the program.

fn main() {
    println!("cargo:rerun-if-changed=../../examples/freeswitch");
}
