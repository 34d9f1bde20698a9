//! Tests of the test infrastructure, which the stories rely on.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    thread,
};

use e2e::{Authenticator, Postgres, Proxy, Service, Spread, data, files, proxy::Network};

#[test]
fn databases_are_the_same_every_time_and_change_as_much_as_said() {
    let postgres = Postgres::start().unwrap();
    for name in ["one", "two"] {
        data::fill(&postgres, name, 4).unwrap();
    }
    assert_eq!(postgres.content_hash("one").unwrap(), postgres.content_hash("two").unwrap());
    let dir = files::temporary().unwrap();
    let dump = dir.path().join("dump");
    postgres.dump("one", &dump).unwrap();
    let size = std::fs::metadata(&dump).unwrap().len();
    assert!((3_500_000..4_500_000).contains(&size), "4 MB were asked for, {size} bytes came");

    let rows: u64 = postgres.row_counts("one").unwrap().values().sum();
    for (name, spread) in [("one", Spread::Recent), ("two", Spread::Uniform)] {
        postgres.sql(name, "create table before as select id, md5(e::text) as hash from events e").unwrap();
        data::change(&postgres, name, 10.0, spread, 1).unwrap();
        let changed: u64 = postgres
            .sql(name, "select count(*) from events e left join before b using (id) where b.hash is distinct from md5(e::text)")
            .unwrap()
            .parse()
            .unwrap();
        let events: u64 = postgres.sql(name, "select count(*) from before").unwrap().parse().unwrap();
        let percent = changed as f64 * 100.0 / events as f64;
        assert!((8.0..12.0).contains(&percent), "10 % of {events} were asked for, {percent} came");
        postgres.sql(name, "drop table before").unwrap();
        assert!(postgres.row_counts(name).unwrap().values().sum::<u64>() > rows);
    }
    assert_ne!(postgres.content_hash("one").unwrap(), postgres.content_hash("two").unwrap());
}

#[test]
fn codes_are_rfc_6238_and_never_repeat() {
    let url =
        "otpauth://totp/Sealkeep:a%40example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Sealkeep";
    let authenticator = Authenticator::from_url(url).unwrap();
    let (first, second) = (authenticator.code(), authenticator.code());
    assert_eq!((first.len(), second.len()), (6, 6));
    assert_ne!(first, second);
    assert_ne!(authenticator.wrong_code(), first);
}

/// A server that echoes each request's request line.
fn echo() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut stream = stream;
                let mut buffer = [0; 4096];
                while let Ok(n @ 1..) = stream.read(&mut buffer) {
                    let text = String::from_utf8_lossy(&buffer[..n]).into_owned();
                    let line = text.split(" HTTP/").next().unwrap_or_default();
                    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{line}", line.len());
                    let _ = stream.write_all(answer.as_bytes());
                }
            });
        }
    });
    port
}

fn ask(proxy: &Proxy) -> String {
    let mut stream = TcpStream::connect(proxy.address()).unwrap();
    write!(stream, "GET /marker?secret=1 HTTP/1.1\r\nhost: here\r\n\r\n").unwrap();
    let mut answer = [0; 4096];
    let n = stream.read(&mut answer).unwrap_or_default();
    String::from_utf8_lossy(&answer[..n]).into_owned()
}

#[test]
fn the_proxy_passes_records_and_cuts() {
    let proxy = Proxy::start().unwrap();
    proxy.lead_to(echo());
    assert!(ask(&proxy).ends_with("GET /marker?secret=1"));
    assert!(String::from_utf8_lossy(&proxy.record()).contains("/marker"));
    assert_eq!(proxy.requests(), ["GET /marker"]);
    proxy.set(Network::CutAfter(10));
    assert_eq!(ask(&proxy), "");
    proxy.set(Network::Normal);
    assert!(ask(&proxy).ends_with("GET /marker?secret=1"));
}

#[test]
fn the_service_starts_stops_and_comes_back_where_it_was() {
    let mut service = Service::start_wired().unwrap();
    let url = service.url().to_owned();
    let tables = |service: &Service| {
        service
            .sql("select count(*) from pg_tables where schemaname = 'app'")
            .unwrap()
            .parse::<u32>()
            .unwrap()
    };
    let before = tables(&service);
    assert!(before > 10);
    assert!(
        !service.wires().unwrap().store.requests().is_empty(),
        "the store's probe did not pass the network"
    );
    service.restart().unwrap();
    service.kill().unwrap();
    service.restart().unwrap();
    assert_eq!((service.url(), tables(&service)), (url.as_str(), before));
    assert!(service.database_dump().unwrap().len() > 10_000);
}
