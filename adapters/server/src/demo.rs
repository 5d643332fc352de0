//! `fsconnector demo`: the program with a simulated switch and an example configuration, to look around.

use std::error::Error;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;

use fsconnector_engine::access::Right;
use fsconnector_engine::state::State;
use fsconnector_simulator::config::Folder;
use fsconnector_simulator::{EventSocket, Identity, SimSwitch};
use include_dir::{Dir, include_dir};

use crate::heart::Clock;
use crate::program::Program;
use crate::settings::Settings;
use crate::stop::Signals;

/// The example configuration of FreeSWITCH.
static EXAMPLE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../examples/freeswitch");

/// Serves until a signal comes. The files are in a scratch folder, which is removed in the end.
pub(crate) async fn run(port: u16) -> Result<ExitCode, Box<dyn Error>> {
    let mut signals = Signals::new()?;
    let scratch = tempfile::Builder::new().prefix("fsconnector-demo-").tempdir()?;
    let configuration = scratch.path().join("etc");
    std::fs::create_dir(&configuration)?;
    EXAMPLE.extract(&configuration)?;
    let switch = start_switch(&configuration)?;
    let program = Program::start(Settings::for_demo(port, switch.address(), scratch.path())?).await?;
    if let Some(state) = program.first_state().await {
        print_welcome(program.address(), &state, switch.address(), &configuration)?;
    }
    signals.wait().await;
    program.stop().await;
    Ok(ExitCode::SUCCESS)
}

fn start_switch(configuration: &Path) -> io::Result<EventSocket<Folder>> {
    let now = u64::try_from(Clock::start().now().wall.0).unwrap_or(0);
    let identity = Identity { conf_dir: configuration.to_string_lossy().into_owned(), ..Identity::default() };
    let switch = SimSwitch::new(Folder::new(configuration), identity, now);
    EventSocket::open(switch, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
}

fn print_welcome(address: SocketAddr, state: &State, switch: SocketAddr, configuration: &Path) -> io::Result<()> {
    let configuration = configuration.display();
    let mut out = io::stdout().lock();
    writeln!(out, "fsconnector serves a simulated switch with an example configuration.\n")?;
    writeln!(out, "  address   http://{address}/")?;
    let logins = state.users.iter().filter_map(|user| state.users.login(&user.name));
    for (user, _) in logins.filter(|(_, role)| role.may(Right::Administer)) {
        let (name, password) = (&user.name, user.password.expose());
        writeln!(out, "  user      {name}\n  password  {password}")?;
        writeln!(out, "  try       curl --digest -u {name}:{password} http://{address}/api/users")?;
    }
    writeln!(out, "  files     {configuration}")?;
    writeln!(out, "  switch    event socket on {switch}")?;
    writeln!(out, "\nCtrl-C ends it and removes the files.")?;
    out.flush()
}
