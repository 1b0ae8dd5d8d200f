//! What messages say, by the office's own templates.

use duban_notify::{Contacts, Robot, RobotOptions, TemplateOptions, Templates};
use serde_json::json;

use crate::emails::directory;
use crate::peer::{Answer, Peer, client, delivery};

fn office(source: &str) -> Templates {
    let options = TemplateOptions {
        contacts: Contacts::of(directory()),
        case_url: Some("https://duban.example.org/cases/{case}".to_owned()),
        ..TemplateOptions::default()
    };
    let sources = [("slip".to_owned(), source.to_owned())].into_iter().collect();
    Templates::load(options, &sources).unwrap()
}

#[test]
fn the_built_in_slip_has_its_number_colour_and_link() {
    let options = TemplateOptions {
        case_url: Some("https://duban.example.org/{case}".to_owned()),
        ..TemplateOptions::default()
    };
    let templates = Templates::built_in(options);
    let mut slip = delivery("逾期未办结。");
    slip.sent.colour = serde_json::from_value(json!("yellow")).unwrap();
    let expected = "【黄色督办单第3号】逾期未办结。\nhttps://duban.example.org/c0ffee";
    assert_eq!(templates.text(&slip), expected);
    let mut plain = delivery("一");
    plain.sent.number = None;
    assert_eq!(Templates::default().text(&plain), "【督办单】一");
}

#[test]
fn the_office_says_it_in_its_own_words() {
    let source = "{{ to | join('、') }}（{{ people | join('、') }}）：\n{{ at }}，{{ text }}\n\
                  {%- if link %}\n详见 {{ link }}{% endif %}\n";
    let expected = "历下区书记（李四）：\n2022年7月1日 00:00，<b>逾期</b> & 未报\n\
                    详见 https://duban.example.org/cases/c0ffee";
    let templates = office(source);
    assert_eq!(templates.text(&delivery("<b>逾期</b> & 未报")), expected);
    // Other kinds keep the built-in words; the text of a message is no template.
    let mut alarm = delivery("{{ text }}");
    alarm.sent.kind = serde_json::from_value(json!("alarm")).unwrap();
    assert!(templates.text(&alarm).starts_with("【告警】{{ text }}"));
}

#[test]
fn a_template_that_fails_with_what_a_script_sent_loses_nothing() {
    let templates = office("{{ text }}{% if number == 3 %}{{ data.reason }}{% endif %}");
    assert!(templates.text(&delivery("一")).starts_with("【督办单第3号】一"));
    let mut with_reason = delivery("一");
    with_reason.sent.data = json!({ "reason": "二" }).as_object().unwrap().clone();
    assert_eq!(templates.text(&with_reason), "一二");
}

#[tokio::test]
async fn robots_use_them() {
    use duban_engine::Channel as _;
    let well = Answer::Http("200 OK", "", r#"{"errcode":0,"errmsg":"ok"}"#);
    let peer = Peer::start(vec![well]).await;
    let templates = office("第{{ number }}号：{{ text }}");
    let options = RobotOptions { templates, ..RobotOptions::wecom(&peer.url("/")) };
    Robot::new(client(), options).unwrap().deliver(&delivery("逾期")).await.unwrap();
    assert_eq!(peer.requests()[0].json()["text"]["content"], "第3号：逾期");
}
