//! The sandbox starts with a clear word and ends when it should.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::Context;
use faena_tests::sandbox::Sandbox;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

#[tokio::test]
async fn a_taken_port_is_one_sentence() -> anyhow::Result<()> {
    let holder = std::net::TcpListener::bind("127.0.0.1:0")?;
    let taken = holder.local_addr()?.to_string();
    let flags = ["--http", "--smtp", "--smtps", "--s3", "--stripe", "--paypal"];
    for flag in flags {
        let folder = tempfile::tempdir()?;
        let mut sandbox = Command::new(env!("CARGO_BIN_EXE_sandbox"));
        for other in flags {
            sandbox.args([other, if other == flag { &taken } else { "127.0.0.1:0" }]);
        }
        let output = sandbox.arg("--data").arg(folder.path()).env("RUST_LOG", "warn").output()?;
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty());
        let said = String::from_utf8(output.stderr)?;
        let port = holder.local_addr()?.port();
        assert_eq!(
            said,
            format!("sandbox: port {port} is taken on 127.0.0.1: stop what holds it or choose another with {flag}\n")
        );
    }
    Ok(())
}

#[tokio::test]
async fn it_ends_well_when_told_and_when_its_stdin_closes() -> anyhow::Result<()> {
    for signal in [Some(Signal::SIGTERM), Some(Signal::SIGINT), None] {
        let folder = tempfile::tempdir()?;
        let mut sandbox = Command::new(env!("CARGO_BIN_EXE_sandbox"))
            .args([
                "--http",
                "127.0.0.1:0",
                "--smtp",
                "127.0.0.1:0",
                "--smtps",
                "127.0.0.1:0",
                "--s3",
                "127.0.0.1:0",
                "--stripe",
                "127.0.0.1:0",
                "--paypal",
                "127.0.0.1:0",
                "--stop-with-stdin",
            ])
            .arg("--data")
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(sandbox.stdout.take().context("its stdout")?).read_line(&mut line)?;
        assert!(line.starts_with("{\"http\":\"http://127.0.0.1:"), "{line}");
        let stdin = sandbox.stdin.take();
        match signal {
            Some(signal) => kill(Pid::from_raw(sandbox.id().try_into()?), signal)?,
            None => drop(stdin),
        }
        assert!(sandbox.wait()?.success(), "{signal:?}");
    }
    Ok(())
}

#[tokio::test]
async fn open_connections_do_not_hold_up_a_stop() -> anyhow::Result<()> {
    let mut sandbox = Sandbox::start().await?;
    let mut talk = super::talk::Talk::open(sandbox.smtp_addr()).await?;
    let _idle = tokio::net::TcpStream::connect(sandbox.s3_url().trim_start_matches("http://")).await?;
    let _silent = tokio::net::TcpStream::connect(sandbox.smtps_addr()).await?;
    sandbox.restart().await?;
    assert!(talk.hear().await?.starts_with("421 4.3.2"));
    Ok(())
}
