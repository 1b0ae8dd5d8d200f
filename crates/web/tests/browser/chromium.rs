//! A browser of one's own.

use std::path::PathBuf;
use std::time::Duration;

use thirtyfour::prelude::*;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

use crate::support::{Office, PASSWORD};

/// How long a page may take to show what is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Browser {
    pub(crate) driver: WebDriver,
    process: Child,
}

impl Browser {
    pub(crate) async fn start() -> Self {
        // A port that was free a moment ago.
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let process = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(std::process::Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("chromedriver is installed; `cargo xtask test` does it");
        let mut wanted = DesiredCapabilities::chrome();
        for argument in
            ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,1000"]
        {
            wanted.add_arg(argument).unwrap();
        }
        let address = format!("http://127.0.0.1:{port}");
        for _ in 0..100 {
            if let Ok(driver) = WebDriver::new(&address, wanted.clone()).await {
                return Self { driver, process };
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("chromedriver does not answer at {address}");
    }

    pub(crate) async fn go(&self, url: &str) {
        self.driver.goto(url).await.unwrap();
    }

    pub(crate) async fn sign_in(&self, office: &Office, login: &str) {
        self.driver.delete_all_cookies().await.unwrap();
        self.go(&office.url("/signin")).await;
        self.fill("input[name=login]", login).await;
        self.fill("input[name=password]", PASSWORD).await;
        self.click("main button").await;
        self.wait_for("header .who").await;
    }

    /// Waits until the page has such an element.
    pub(crate) async fn wait_for(&self, css: &str) -> WebElement {
        let query = self.driver.query(By::Css(css)).wait(PATIENCE, Duration::from_millis(50));
        match query.first().await {
            Ok(element) => element,
            Err(_) => panic!("no `{css}` in:\n{}", self.text().await),
        }
    }

    /// Waits until the main part of the page says something.
    pub(crate) async fn wait_for_text(&self, text: &str) {
        let started = std::time::Instant::now();
        loop {
            let shown = self.text().await;
            if shown.contains(text) {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "no `{text}` in:\n{shown}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What the main part of the page says; nothing while the page changes.
    pub(crate) async fn text(&self) -> String {
        match self.driver.find(By::Css("main")).await {
            Ok(main) => main.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        }
    }

    pub(crate) async fn fill(&self, css: &str, text: &str) {
        let input = self.wait_for(css).await;
        input.clear().await.unwrap();
        input.send_keys(text).await.unwrap();
    }

    /// Chooses a file; the input's name may hold any characters.
    pub(crate) async fn attach(&self, css: &str, file: &str) {
        self.wait_for(css).await.send_keys(file).await.unwrap();
    }

    pub(crate) async fn click(&self, css: &str) {
        let element = self.wait_for(css).await;
        element.scroll_into_view().await.unwrap();
        element.click().await.unwrap();
    }

    /// Leaves a picture of the page in `target/pages/`.
    pub(crate) async fn picture(&self, name: &str) {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/pages");
        std::fs::create_dir_all(&folder).unwrap();
        self.driver.screenshot(&folder.join(format!("{name}.png"))).await.unwrap();
    }

    /// Pictures of the page as it is, on a phone and on a desk, on neither of which it is too wide.
    pub(crate) async fn pictures(&self, name: &str) {
        for (width, height) in [(390, 2600), (1280, 1800)] {
            self.driver.set_window_rect(0, 0, width, height).await.unwrap();
            self.picture(&format!("{name}-{width}")).await;
            let script = "return document.documentElement.scrollWidth - window.innerWidth;";
            let over = self.driver.execute(script, vec![]).await.unwrap();
            assert!(over.convert::<i64>().unwrap() <= 0, "{name} is wider than {width}");
        }
    }

    pub(crate) async fn quit(mut self) {
        self.driver.quit().await.unwrap();
        self.process.kill().await.unwrap();
    }
}
