//! `fsconnector demo`: the program with a simulated switch and an example configuration, to look around. There people call
//! each other: [`callers`]. What they record is on [`tapes`].

mod callers;
mod tapes;
mod wave;

use std::convert::Infallible;
use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use fsconnector_engine::access::{Right, Role};
use fsconnector_engine::mac::Mac;
use fsconnector_engine::state::{State, User};
use fsconnector_simulator::config::Folder;
use fsconnector_simulator::{EventSocket, Identity, SimSwitch};
use include_dir::{Dir, include_dir};
use smol::Timer;
use smol::future::{self, FutureExt as _};

use crate::heart::Clock;
use crate::program::Program;
use crate::self_signed;
use crate::settings::{Host, Reach, Settings};
use crate::stop::Signals;
use callers::Callers;
use tapes::Tapes;

/// The example configuration of FreeSWITCH.
static EXAMPLE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../examples/freeswitch");

/// Leads to the same life every time.
const SEED: u64 = 2_300;

/// How it is to be.
pub(crate) struct Wishes {
    pub(crate) port: u16,
    pub(crate) callers: u16,
    pub(crate) tls: bool,
    pub(crate) templates: Option<PathBuf>,
}

/// Serves until a signal comes, or it cannot go on. The files are in a scratch folder, which is removed in the end.
pub(crate) async fn run(wishes: Wishes) -> Result<ExitCode, Box<dyn Error>> {
    let mut signals = Signals::new()?;
    let scratch = tempfile::Builder::new().prefix("fsconnector-demo-").tempdir()?;
    let configuration = scratch.path().join("etc");
    fs::create_dir(&configuration)?;
    EXAMPLE.extract(&configuration)?;
    let switch = start_switch(&configuration)?;
    let mut settings = Settings::for_demo(wishes.port, switch.address(), scratch.path())?;
    settings.folders.templates = wishes.templates;
    let certificate = if wishes.tls { Some(speak_tls(&mut settings, scratch.path())?) } else { None };
    let tapes = Tapes::new(&settings.folders.recordings, Clock::start().now().wall)?;
    let program = Program::start(settings).await?;
    let life = async {
        // Without a state the program fails, and says why.
        let Some(state) = program.first_state().await else { return future::pending().await };
        program.provision(&state)?;
        let (address, metrics) = (program.address(), program.metrics());
        let place = Place { address, metrics, certificate: certificate.as_deref() };
        print_welcome(&state, place, switch.address(), scratch.path())?;
        match live(Callers::new(&state, wishes.callers.into(), SEED), tapes, &switch).await {}
    };
    let wanted = async {
        signals.wait().await;
        Ok::<_, Box<dyn Error>>(ExitCode::SUCCESS)
    };
    let failed = async {
        program.failure().await;
        Ok(ExitCode::FAILURE)
    };
    let code = wanted.or(failed).or(life).await?;
    program.stop().await;
    Ok(code)
}

/// Has the program speak TLS, with a certificate of its own. Gives the certificate's file.
fn speak_tls(settings: &mut Settings, scratch: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let files = self_signed::write(scratch, vec!["127.0.0.1".into(), "localhost".into()])?;
    let certificate = files.certificate.clone();
    settings.http.tls = Some(files);
    settings.http.reach = Reach { is_secure: true, host: Host::WhereItListens };
    Ok(certificate)
}

fn start_switch(configuration: &Path) -> io::Result<EventSocket<Folder>> {
    let now = u64::try_from(Clock::start().now().wall.0).unwrap_or(0);
    let identity = Identity { conf_dir: configuration.to_string_lossy().into_owned(), ..Identity::default() };
    let switch = SimSwitch::new(Folder::new(configuration), identity, now);
    EventSocket::open(switch, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
}

/// Has people live their lives, for ever.
async fn live(mut callers: Callers, mut tapes: Tapes, switch: &EventSocket<Folder>) -> Infallible {
    switch.drive(|switch, now, out| callers.arrive(switch, now, out));
    loop {
        Timer::after(callers.pause()).await;
        let conferences = switch.drive(|switch, now, out| {
            callers.go_on(switch, now, out);
            switch.conferences()
        });
        tapes.follow(&conferences);
    }
}

/// Where the program is, where it tells whoever measures it, and whose word there is for it if TLS is spoken.
#[derive(Clone, Copy)]
struct Place<'a> {
    address: SocketAddr,
    metrics: Option<SocketAddr>,
    certificate: Option<&'a Path>,
}

impl Place<'_> {
    fn scheme(self, plain: &'static str, secure: &'static str) -> &'static str {
        if self.certificate.is_some() { secure } else { plain }
    }

    /// What makes a program take the certificate.
    fn trust(self, how: &str) -> String {
        self.certificate.map_or_else(String::new, |certificate| format!("{how}{} ", certificate.display()))
    }
}

fn print_welcome(state: &State, place: Place<'_>, switch: SocketAddr, scratch: &Path) -> io::Result<()> {
    let (address, http, ws) = (place.address, place.scheme("http", "https"), place.scheme("ws", "wss"));
    let (python, curl) = (place.trust("SSL_CERT_FILE="), place.trust("--cacert "));
    let mut out = io::stdout().lock();
    writeln!(out, "fsconnector serves a simulated switch with an example configuration.\n")?;
    writeln!(out, "  address   {http}://{address}/")?;
    let logins: Vec<(&User, Role)> = state.users.iter().filter_map(|user| state.users.login(&user.name)).collect();
    for (user, role) in &logins {
        let (name, password) = (&user.name, user.password.expose());
        writeln!(out, "  user      {name} ({role}), password {password}")?;
    }
    for (user, _) in &logins {
        let (name, password) = (&user.name, user.password.expose());
        let target = format!("{ws}://{address}/api/live?login={name}:{password}");
        writeln!(out, "  watch     {python}python3 -m websockets '{target}'")?;
    }
    writeln!(out, "            (or with websocat; then type {{\"req\":\"init\"}} and see what happens)")?;
    for (user, role) in &logins {
        let (name, password) = (&user.name, user.password.expose());
        for target in worth_trying(user, *role) {
            writeln!(out, "  try       curl {curl}--digest -u {name}:{password} {http}://{address}{target}")?;
        }
    }
    writeln!(out, "  files     {}", scratch.display())?;
    writeln!(out, "  switch    event socket on {switch}")?;
    if let Some(metrics) = place.metrics {
        writeln!(out, "  metrics   curl http://{metrics}/metrics")?;
    }
    writeln!(out, "\nCtrl-C ends it and removes the files.")?;
    out.flush()
}

/// What this user may want to see first.
fn worth_trying(user: &User, role: Role) -> Vec<&'static str> {
    let administers = role.may(Right::Administer);
    let of_admin = ["/api/users", "/api/recordings", "/api/store/directory", "/api/openapi.json"];
    let phone = Mac::parse(&user.polymac).map(|_| "/polycom/allprov.cfg");
    let all = of_admin.into_iter().filter(|_| administers);
    all.chain(["/linphone"]).chain(phone).collect()
}
