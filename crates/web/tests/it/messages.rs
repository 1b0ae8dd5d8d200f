//! What the administrator of the system sees and does about messages: deliveries and templates.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use duban::{BoxFuture, Channel, ChannelError, Delivery};
use duban_notify::{TemplateOrigin, Templates};
use duban_web::{Messages, Settings, restore_templates};
use reqwest::Method;

use crate::support::Office;

/// A channel that keeps what it says, and refuses for good while it is told to.
struct Desk {
    name: &'static str,
    templates: Templates,
    is_closed: AtomicBool,
    said: Mutex<Vec<String>>,
}

impl Desk {
    fn new(name: &'static str, templates: &Templates) -> Arc<Self> {
        let (is_closed, said) = (AtomicBool::new(false), Mutex::default());
        Arc::new(Self { name, templates: templates.clone(), is_closed, said })
    }

    fn said(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }
}

impl Channel for Desk {
    fn name(&self) -> &str {
        self.name
    }

    fn deliver<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<(), ChannelError>> {
        let answer = if self.is_closed.load(Ordering::SeqCst) {
            Err(ChannelError::Dead { error: "no such desk".to_owned() })
        } else {
            self.said.lock().unwrap().push(self.templates.text(delivery));
            Ok(())
        };
        Box::pin(std::future::ready(answer))
    }
}

struct Place {
    office: Office,
    root: String,
    oa: Arc<Desk>,
    mail: Arc<Desk>,
    templates: Templates,
}

impl Place {
    async fn new() -> Self {
        let templates = Templates::default();
        let (oa, mail) = (Desk::new("oa", &templates), Desk::new("mail", &templates));
        let names = ["mail", "oa"].map(str::to_owned).to_vec();
        let messages =
            Messages { templates: templates.clone(), channels: names, ..Messages::default() };
        let channels: Vec<Arc<dyn Channel>> =
            vec![Arc::<Desk>::clone(&oa), Arc::<Desk>::clone(&mail)];
        let office = Office::start(channels, |settings| Settings { messages, ..settings }).await;
        office.accounts(&[]).await;
        office.more_accounts(&[("root", "admin:system")]).await;
        let root = office.sign_in("root").await;
        Self { office, root, oa, mail, templates }
    }

    async fn look(&self, path: &str) -> String {
        let (status, text) = self.office.look(&self.root, path).await;
        assert_eq!(status, 200, "{path}");
        text
    }

    /// Sends a form; the status, where it leads and the page.
    async fn send(&self, path: &str, form: &[(&str, &str)]) -> (u16, String, String) {
        let request = self.office.bare(Method::POST, path).header("cookie", &self.root);
        let response = request.form(form).send().await.unwrap();
        let status = response.status().as_u16();
        let to = response.headers().get("location");
        let to = to.map(|to| to.to_str().unwrap().to_owned()).unwrap_or_default();
        (status, to, response.text().await.unwrap())
    }

    /// Lives until a moment. Signing in holds for twelve hours: sign in again after it.
    async fn advance(&self, to: &str) {
        let to = format!("{to}:00+08:00").parse().unwrap();
        self.office.clock.advance(&self.office.engine, to).await.unwrap();
    }
}

#[tokio::test]
async fn a_dead_letter_says_which_channel_has_it_and_goes_back_with_its_like() {
    let place = Place::new().await;
    let case = place.office.open().await;
    place.mail.is_closed.store(true, Ordering::SeqCst);
    place.advance("2022-06-28T09:00").await;
    let place = Place { root: place.office.sign_in("root").await, ..place };
    let page = place.look("/deliveries").await;
    for part in ["mail：已放弃", "no such desk", "oa：已收", case.as_str()] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let api = place.office.get("/api/v1/deliveries?state=dead&channel=mail").await;
    let channels = &api["rows"][0]["channels"];
    assert_eq!(
        (&channels["mail"]["state"], &channels["oa"]["state"]),
        (&"dead".into(), &"taken".into())
    );
    assert_eq!(channels["mail"]["said"], "no such desk");
    for (query, is_found) in [
        ("state=dead&channel=mail", true),
        ("state=dead&channel=oa", false),
        ("state=dead&kind=remind", true),
        ("state=dead&kind=slip", false),
        ("state=pending", false),
    ] {
        let page = place.look(&format!("/deliveries?{query}")).await;
        assert_eq!(page.contains(case.as_str()), is_found, "{query}");
    }
    assert!(!place.look("/suites").await.contains("/deliveries?state=dead"), "not a day old yet");
    place.advance("2022-06-29T09:00").await;
    let place = Place { root: place.office.sign_in("root").await, ..place };
    assert!(place.look("/suites").await.contains("未送达的消息：1"), "told on the first page");

    place.mail.is_closed.store(false, Ordering::SeqCst);
    place.send("/deliveries/retry-all", &[("kind", "slip")]).await;
    place.office.engine.settled().await.unwrap();
    assert!(place.mail.said().is_empty(), "another kind");
    let sent =
        place.send("/deliveries/retry-all", &[("kind", "remind"), ("channel", "mail")]).await;
    assert_eq!((sent.0, sent.1.as_str()), (303, "/deliveries?state=pending"));
    place.office.engine.settled().await.unwrap();
    assert_eq!((place.oa.said().len(), place.mail.said().len()), (1, 1));
    assert!(place.look("/deliveries?state=delivered").await.contains("全部已收"));
}

#[tokio::test]
async fn giving_up_owes_a_reason_and_leads_back_into_this_site_alone() {
    let place = Place::new().await;
    let id = [("case", "none"), ("seq", "1")];
    for (reason, back, expected) in [
        ("", "", (422, "")),
        ("不必再发", "", (303, "/deliveries")),
        ("不必再发", "/deliveries?state=pending", (303, "/deliveries?state=pending")),
        ("不必再发", "//elsewhere.example.org", (303, "/")),
    ] {
        let form = [&id[..], &[("reason", reason), ("back", back)]].concat();
        let (status, to, _) = place.send("/deliveries/give-up", &form).await;
        assert_eq!((status, to.as_str()), expected, "{reason} {back}");
    }
}

#[tokio::test]
async fn a_template_is_checked_tried_on_a_real_message_saved_and_taken_back() {
    let place = Place::new().await;
    place.office.open().await;
    let path = "/templates/remind";
    assert!(place.look(path).await.contains("还没有此类消息"));
    let wrong = "{{ txet }}\r\n{{ text }}\r\n{{ nmuber }}";
    for what in ["check", "save"] {
        let (status, _, page) = place.send(path, &[("what", what), ("source", wrong)]).await;
        assert_eq!(status, 200);
        for part in ["行 1：没有 `txet`", "行 3：没有 `nmuber`"] {
            assert!(page.replace("&#96;", "`").contains(part), "{part}: {page}");
        }
    }
    let origin = |kind: &str| {
        let all = place.templates.in_force();
        all.into_iter().find(|one| one.kind == kind).unwrap().origin
    };
    assert_eq!(origin("remind"), TemplateOrigin::BuiltIn, "what is wrong is not kept");

    place.advance("2022-06-01T10:00").await;
    let own = "请注意：{{ text }}";
    let (status, to, _) = place.send(path, &[("what", "save"), ("source", own)]).await;
    assert_eq!((status, to.as_str()), (303, path));
    assert_eq!(origin("remind"), TemplateOrigin::Edited);
    place.advance("2022-06-28T09:00").await;
    let said = place.oa.said();
    assert!(said[0].starts_with("请注意："), "the running channels say it: {said:?}");

    let place = Place { root: place.office.sign_in("root").await, ..place };
    let tried = "试一试：{{ text }}<b>";
    let (_, _, page) = place.send(path, &[("what", "check"), ("source", tried)]).await;
    let text = said[0].trim_start_matches("请注意：");
    let shown = page.split_once("<pre id=\"preview\">").unwrap().1.split_once("</pre>").unwrap().0;
    assert!(
        shown.starts_with("试一试：") && shown.contains(text.trim_end_matches('。')),
        "{shown}"
    );
    assert!(!shown.contains("<b>"), "escaped");

    // After a restart the edited ones come before the folder's.
    let fresh = Templates::default();
    restore_templates(place.office.engine.store(), &fresh).await.unwrap();
    let remind = fresh.in_force().into_iter().find(|one| one.kind == "remind").unwrap();
    assert_eq!((remind.origin, remind.source.as_str()), (TemplateOrigin::Edited, own));

    place.send(path, &[("what", "reset")]).await;
    let all = place.templates.in_force();
    assert!(all.iter().all(|one| one.origin == TemplateOrigin::BuiltIn));
    assert!(all.iter().any(|one| one.kind == "digest"));
}
