//! The listener for whoever measures: one path, and one request a connection. Nobody logs in: what is shown there holds
//! neither names nor secrets, and the address decides who sees it.

use std::future::{self, Future};
use std::io;
use std::time::Duration;

use async_net::{TcpListener, TcpStream};
use bytes::Bytes;
use http::{Method, StatusCode};
use smol::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use smol::lock::Mutex;
use smol::{Executor, Timer};

use super::ACCEPT_PAUSE;
use super::connection::{bare_line_feed, too_large};
use super::head::{Connection, Head, MOST_HEADERS};
use super::input::{HeadSearch, Input};
use super::stream::Broken;
use super::wire::AnswerHead;
use crate::answer::{Answer, HeaderLines};
use crate::deadline::within;
use crate::problem::Problem;
use crate::sparing::Sparing;

/// How many are served at once. More wait.
const VISITORS: usize = 32;
/// How long one of them may take, from its first byte to its last.
const VISIT_TIME: Duration = Duration::from_secs(10);
/// Of that, for the head of a request, and for the end of the connection when it is answered. Who measures does both at once;
/// others are not to keep it waiting.
const PATIENCE: Duration = Duration::from_secs(1);
/// Bytes of a request's head.
const HEAD_BYTES: usize = 8 * 1024;
/// After its answer a client may send this much.
const LINGER_BYTES: usize = 64 * 1024;

const PATH: &str = "/metrics";
const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Serves at `/metrics` what `render` gives, in the text format of OpenMetrics, as long as it is polled. At most 32
/// clients are served at once, each for at most ten seconds; who has not asked after one second is sent away.
pub async fn serve_metrics<R>(listener: TcpListener, render: impl Fn() -> R + Sync)
where
    R: Future<Output = String> + Send,
{
    serve_within(VISIT_TIME, listener, render).await;
}

async fn serve_within<R>(visit_time: Duration, listener: TcpListener, render: impl Fn() -> R + Sync)
where
    R: Future<Output = String> + Send,
{
    let entrance = Mutex::new(Entrance { listener, complaints: Sparing::default() });
    let executor = Executor::new();
    for _ in 0..VISITORS {
        let (entrance, render) = (&entrance, &render);
        let one_after_the_other = async move {
            loop {
                // Of all who wait only one complains.
                let stream = entrance.lock().await.next().await;
                match within(visit_time, visit(stream, render)).await {
                    Some(Ok(())) => (),
                    Some(Err(error)) => log::debug!("somebody who measures: {error:?}"),
                    None => log::debug!("somebody who measures took too long"),
                }
            }
        };
        executor.spawn(one_after_the_other).detach();
    }
    executor.run(future::pending::<()>()).await;
}

/// Where those come in who measure.
struct Entrance {
    listener: TcpListener,
    complaints: Sparing,
}

impl Entrance {
    async fn next(&mut self) -> TcpStream {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => return stream,
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {
                    log::debug!("somebody who measures was gone before it was let in");
                }
                Err(error) => {
                    self.complaints.warn(format_args!("connections for metrics cannot be accepted for now: {error}"));
                    Timer::after(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// Answers one request.
async fn visit<S, R>(mut stream: S, render: impl Fn() -> R) -> Result<(), Broken>
where
    S: AsyncRead + AsyncWrite + Unpin,
    R: Future<Output = String>,
{
    let mut input = Input::new(HEAD_BYTES);
    let (answer, head_only) =
        match within(PATIENCE, read_head(&mut stream, &mut input)).await.ok_or(Broken::TimedOut)?? {
            Some(Ok(length)) => respond(input.unread().get(..length).unwrap_or_default(), render).await,
            Some(Err(problem)) => (problem.into(), false),
            None => return Ok(()),
        };
    let mut output = Vec::new();
    AnswerHead {
        status: answer.status,
        headers: [&answer.headers, &HeaderLines::default()],
        length: Some(answer.body.len() as u64),
        connection: Connection::Close,
    }
    .write(&mut output);
    if !head_only {
        output.extend_from_slice(&answer.body);
    }
    stream.write_all(&output).await?;
    stream.close().await?;
    within(PATIENCE, linger(&mut stream, &mut input)).await.ok_or(Broken::TimedOut)?
}

/// Cut at once, with something unread, the connection could lose the answer.
async fn linger<S>(stream: &mut S, input: &mut Input) -> Result<(), Broken>
where
    S: AsyncRead + Unpin,
{
    let mut passed_over = 0;
    while passed_over < LINGER_BYTES {
        input.consume(usize::MAX);
        match fill(stream, input).await? {
            0 => break,
            count => passed_over += count,
        }
    }
    Ok(())
}

/// The length of the head, or what is wrong with it; nothing if the client has gone before its end.
async fn read_head<S>(stream: &mut S, input: &mut Input) -> Result<Option<Result<usize, Problem>>, Broken>
where
    S: AsyncRead + Unpin,
{
    loop {
        match input.find_head() {
            HeadSearch::Whole(length) => return Ok(Some(Ok(length))),
            HeadSearch::BareLineFeed => return Ok(Some(Err(bare_line_feed()))),
            HeadSearch::Partial if input.is_full() => return Ok(Some(Err(too_large(input)))),
            HeadSearch::Partial => (),
        }
        if fill(stream, input).await? == 0 {
            return Ok(None);
        }
    }
}

async fn fill<S: AsyncRead + Unpin>(stream: &mut S, input: &mut Input) -> io::Result<usize> {
    // Who sends without a pause lets others have their turn, and the time its say.
    smol::future::yield_now().await;
    future::poll_fn(|cx| input.poll_fill(stream, cx)).await
}

/// The answer, and whether its body is left out.
async fn respond<R>(head: &[u8], render: impl Fn() -> R) -> (Answer, bool)
where
    R: Future<Output = String>,
{
    let mut space = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let head = match Head::parse(head, &mut space) {
        Ok(head) => head,
        Err(problem) => return (problem.into(), false),
    };
    let answer = if head.path != PATH {
        Problem::new(StatusCode::NOT_FOUND, "there is only /metrics here").into()
    } else if head.method != Method::GET && head.method != Method::HEAD {
        Problem::method_not_allowed("GET, HEAD").into()
    } else {
        Answer::api(StatusCode::OK, MEDIA_TYPE, Bytes::from(render().await))
    };
    (answer, head.method == Method::HEAD)
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read as _, Write as _};
    use std::net::{Shutdown, SocketAddr, TcpStream};
    use std::thread;

    use smol::channel::bounded;
    use smol::future::FutureExt as _;

    use super::*;

    const TEXT: &str = "# EOF\n";
    const GET: &str = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";

    /// Runs `clients` while metrics are served to them.
    fn serving(visit_time: Duration, clients: impl FnOnce(SocketAddr)) {
        let listener = smol::block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = bounded::<()>(1);
        let server = thread::spawn(move || {
            let stopped = async {
                // Nothing is ever sent: it is closed.
                let _ = stopped.recv().await;
            };
            smol::block_on(serve_within(visit_time, listener, async || TEXT.to_owned()).or(stopped));
        });
        clients(address);
        drop(stop);
        server.join().unwrap();
    }

    fn send(address: SocketAddr, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        // It may be answered before all of it is sent.
        let _ = stream.write_all(bytes);
        stream
    }

    /// Everything that comes back until the connection ends.
    fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
        let mut stream = send(address, bytes);
        String::from_utf8(rest(&mut stream)).unwrap()
    }

    /// The same of one that is there already. Cut off, its end may show as an error.
    fn rest(stream: &mut TcpStream) -> Vec<u8> {
        let mut bytes = Vec::new();
        if let Err(error) = stream.read_to_end(&mut bytes) {
            assert!(!matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "the connection did not end");
        }
        bytes
    }

    #[test]
    fn metrics_are_shown_at_their_path_and_nothing_anywhere_else() {
        serving(VISIT_TIME, |address| {
            let answer = exchange(address, GET.as_bytes());
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
            assert!(answer.ends_with(&format!("Connection: close\r\n\r\n{TEXT}")), "{answer}");
            for line in ["Content-Length: 6\r\n", "Cache-Control: no-store\r\n"] {
                assert!(answer.contains(line), "{answer}");
            }
            assert!(answer.contains(&format!("Content-Type: {MEDIA_TYPE}\r\n")), "{answer}");
            let head = exchange(address, GET.replace("GET", "HEAD").as_bytes());
            assert_eq!(head.replace("HEAD", "GET").len(), answer.len() - TEXT.len(), "{head}");
            for (request, status) in [
                ("GET /metrics?x=y HTTP/1.1\r\nHost: x\r\n\r\n", 200),
                ("GET /metrics HTTP/1.0\r\n\r\n", 200),
                ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", 404),
                ("GET /metrics/ HTTP/1.1\r\nHost: x\r\n\r\n", 404),
                ("GET /api/users HTTP/1.1\r\nHost: x\r\n\r\n", 404),
                ("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 405),
            ] {
                let answer = exchange(address, request.as_bytes());
                assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
                assert_eq!(answer.contains("application/problem+json"), status != 200, "{answer}");
            }
        });
    }

    #[test]
    fn what_is_no_request_is_refused_and_the_next_is_served() {
        serving(VISIT_TIME, |address| {
            let giant = format!("GET /metrics HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n", "x".repeat(100_000));
            let endless_line = format!("GET /{}", "x".repeat(100_000));
            let many = format!("GET /metrics HTTP/1.1\r\nHost: x\r\n{}\r\n", "A: b\r\n".repeat(100));
            for (bytes, status) in [
                (giant.as_bytes(), 431),
                (endless_line.as_bytes(), 414),
                (many.as_bytes(), 431),
                (b"GET /metrics HTTP/1.1\n\n", 400),
                (b"GET /metrics HTTP/1.1\r\n\r\n", 400),
                (b"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
                (b"\x16\x03\x01\x02\x00\x01\x00\x01\n", 400),
                (b"GET /\xff\0 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
            ] {
                let answer = exchange(address, bytes);
                assert!(
                    answer.starts_with(&format!("HTTP/1.1 {status} ")),
                    "{:?}: {answer}",
                    bytes.escape_ascii().take(80)
                );
                assert!(exchange(address, GET.as_bytes()).ends_with(TEXT));
            }
        });
    }

    #[test]
    fn who_goes_half_way_or_ends_its_side_does_no_harm() {
        serving(VISIT_TIME, |address| {
            for _ in 0..3 * VISITORS {
                drop(send(address, b"GET /met"));
            }
            let mut half = send(address, GET.as_bytes());
            half.shutdown(Shutdown::Write).unwrap();
            let mut text = String::new();
            half.read_to_string(&mut text).unwrap();
            assert!(text.ends_with(TEXT), "{text}");
        });
    }

    #[test]
    fn those_who_are_slow_give_their_places_to_others_after_a_while() {
        serving(Duration::from_millis(100), |address| {
            let mut idle: Vec<_> = (0..VISITORS).map(|_| send(address, b"")).collect();
            idle.extend((0..VISITORS).map(|_| send(address, b"GET /metrics HTTP/1.1\r\n")));
            assert!(exchange(address, GET.as_bytes()).ends_with(TEXT));
            for mut stream in idle {
                assert_eq!(rest(&mut stream), b"", "it was given up");
            }
        });
    }

    #[test]
    fn those_who_ask_nothing_or_do_not_go_keep_nobody_waiting() {
        // Longer than a client here waits for its answer.
        serving(Duration::from_secs(3600), |address| {
            for start in ["", "GET /metrics HTTP/1.1\r\n", GET] {
                let _there: Vec<_> = (0..VISITORS).map(|_| send(address, start.as_bytes())).collect();
                assert!(exchange(address, GET.as_bytes()).ends_with(TEXT));
            }
        });
    }

    #[test]
    fn who_sends_without_end_is_given_up() {
        serving(Duration::from_millis(100), |address| {
            let flood = |start: &str| {
                let mut stream = send(address, start.as_bytes());
                while stream.write_all(&[b'\r', b'\n'].repeat(10_000)).is_ok() {}
            };
            flood("");
            flood(GET);
            assert!(exchange(address, GET.as_bytes()).ends_with(TEXT));
        });
    }
}
