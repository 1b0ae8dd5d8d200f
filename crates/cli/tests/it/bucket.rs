//! Evidence in a bucket: a service that speaks S3 and checks every signature.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use sha2::{Digest, Sha256};

use crate::daemon::{Home, client, open};

/// Calls that set the service up, before it asks for signatures.
const CALLS_OPEN: &str = "4";

/// The service, with a bucket `evidence` and somebody who may use it.
struct Bucket {
    server: Child,
    endpoint: String,
    access_key: String,
    secret_key: String,
}

impl Drop for Bucket {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

impl Bucket {
    async fn start() -> Self {
        let program = std::env::var("DUBAN_MOTO")
            .expect("DUBAN_MOTO names moto's server; `cargo xtask test` installs it");
        let mut server = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", "0"])
            .env("INITIAL_NO_AUTH_ACTION_COUNT", CALLS_OPEN)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(server.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("http://127.0.0.1:") {
            line.clear();
            assert!(said.read_line(&mut line).unwrap() > 0, "moto ended");
        }
        // Whoever does not read on would stop the server one day.
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        let endpoint = line.split_once("http").map(|(_, rest)| format!("http{}", rest.trim()));
        let mut bucket = Self {
            server,
            endpoint: endpoint.unwrap(),
            access_key: String::new(),
            secret_key: String::new(),
        };
        bucket.call("iam", "Action=CreateUser&UserName=duban").await;
        let keys = bucket.call("iam", "Action=CreateAccessKey&UserName=duban").await;
        let policy = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22\
                      %3A%22Allow%22%2C%22Action%22%3A%22*%22%2C%22Resource%22%3A%22*%22%7D%5D%7D";
        let put =
            format!("Action=PutUserPolicy&UserName=duban&PolicyName=all&PolicyDocument={policy}");
        bucket.call("iam", &put).await;
        let made = client().put(format!("{}/evidence", bucket.endpoint));
        assert_eq!(made.header("authorization", scope("s3")).send().await.unwrap().status(), 200);
        let tag = |name: &str| {
            let (_, rest) = keys.split_once(&format!("<{name}>")).unwrap();
            rest.split_once("</").unwrap().0.to_owned()
        };
        bucket.access_key = tag("AccessKeyId");
        bucket.secret_key = tag("SecretAccessKey");
        bucket
    }

    async fn call(&self, service: &str, form: &str) -> String {
        let request = client().post(&self.endpoint).header("authorization", scope(service));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = request.body(format!("{form}&Version=2010-05-08")).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.text().await.unwrap()
    }

    fn config(&self, name: &str, secret: &str) -> String {
        format!(
            "[network]\nallowed_hosts = [\"127.0.0.1\"]\n[evidence]\nurl = \"s3://{name}/office\"\n\
             endpoint = \"{}\"\naccess_key = \"{}\"\nsecret_key = \"{secret}\"\n",
            self.endpoint, self.access_key
        )
    }
}

/// Says which service is meant, while signatures are not looked at.
fn scope(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/{service}/aws4_request, \
         SignedHeaders=host, Signature=x"
    )
}

#[tokio::test]
async fn files_of_every_size_lie_in_the_bucket_and_come_back() {
    let bucket = Bucket::start().await;
    let (home, token) = Home::office(&bucket.config("evidence", &bucket.secret_key));
    home.run(&["config", "check"]);
    let daemon = home.serve();
    let case = open(&daemon, &token).await;
    // One part; and several, under a name that is found out at the end.
    for size in [10, 12 * 1024 * 1024 + 7] {
        let bytes: Vec<u8> = (0..=250_u8).cycle().take(size).collect();
        let path = format!("/api/v1/evidence?name=a.pdf&case={case}&person=li");
        let upload = client().post(daemon.url(&path)).bearer_auth(&token);
        let answer = upload.body(bytes.clone()).send().await.unwrap();
        assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap());
        let answer: serde_json::Value = answer.json().await.unwrap();
        let file = answer["file"].as_str().unwrap();
        let digest: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(file, format!("sha256:{digest}"));
        let url = daemon.url(&format!("/api/v1/evidence/{file}"));
        let found = client().get(url).bearer_auth(&token).send().await.unwrap();
        assert_eq!(found.headers()["content-security-policy"], "default-src 'none'; sandbox");
        assert_eq!(found.headers()["x-content-type-options"], "nosniff");
        assert_eq!(found.content_length(), Some(u64::try_from(size).unwrap()));
        assert!(found.bytes().await.unwrap() == bytes);
    }
    assert!(!home.path("office.db.evidence").exists(), "nothing lies in a folder");
    daemon.end();
}

#[tokio::test]
async fn a_wrong_bucket_or_key_is_told_at_the_start_and_a_dead_service_later() {
    let bucket = Bucket::start().await;
    let home = Home::new("");
    let wrong =
        [bucket.config("no-such-bucket", &bucket.secret_key), bucket.config("evidence", "wrong")];
    for config in wrong {
        home.configure(&config);
        home.run(&["config", "check"]);
        let refused = home.try_run(&["serve", "--listen", "127.0.0.1:0"]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(said.contains("[evidence]") && !said.contains(&bucket.secret_key), "{said}");
    }
    let config = bucket.config("evidence", &bucket.secret_key);
    drop(bucket);
    home.configure(&config);
    let said = home.serve().end();
    assert!(said.contains("evidence can be neither kept nor read"), "{said}");
}
