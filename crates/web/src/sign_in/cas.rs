//! CAS, version 3 of its protocol: a ticket that is shown back to the server it came from.
//!
//! Source: CAS Protocol 3.0 Specification, sections 2.1 and 2.8.

use openidconnect::url::Url;
use roxmltree::{Document, Node};

use crate::sign_in::peer::{Peer, told};
use crate::sign_in::person::PersonKey;
use crate::sign_in::{Refused, SignInError};

/// How people sign in by CAS.
#[derive(Clone, Debug)]
pub struct CasOptions {
    /// What the button says.
    pub label: String,
    /// The server, for example `https://cas.example.cn/cas`.
    pub server: String,
    /// The attribute that names the account; `None`: the user.
    pub attribute: Option<String>,
    /// Where the directory has that account.
    pub person: PersonKey,
}

/// Sign-in by CAS, set up.
pub(crate) struct Cas {
    options: CasOptions,
    login: Url,
    validate: Url,
    site: Url,
    peer: Peer,
}

impl Cas {
    pub(super) fn new(options: CasOptions, site: &Url, peer: Peer) -> Result<Self, SignInError> {
        const KEY: &str = "sign_in.cas.server";
        if options.label.is_empty() {
            return Err(SignInError::Empty("sign_in.cas.label"));
        }
        let server = options.server.trim_end_matches('/');
        let login = peer.address(KEY, &format!("{server}/login"))?;
        let validate = peer.address(KEY, &format!("{server}/p3/serviceValidate"))?;
        Ok(Self { login, validate, site: site.clone(), peer, options })
    }

    pub(crate) fn label(&self) -> &str {
        &self.options.label
    }

    pub(crate) fn person(&self) -> &PersonKey {
        &self.options.person
    }

    /// Where the browser is sent.
    pub(crate) fn login_url(&self, state: &str) -> Url {
        let mut url = self.login.clone();
        url.query_pairs_mut().append_pair("service", &self.service(state));
        url
    }

    /// The account that a ticket stands for. A ticket holds for one service, and this one names
    /// the sign-in.
    pub(crate) async fn account(&self, ticket: &str, state: &str) -> Result<String, Refused> {
        let mut url = self.validate.clone();
        url.query_pairs_mut()
            .append_pair("service", &self.service(state))
            .append_pair("ticket", ticket);
        let answer = self.peer.get(&url).await;
        let answer = answer.map_err(|error| Refused::Unreachable(told(&error)))?;
        read(&String::from_utf8_lossy(&answer), self.options.attribute.as_deref())
    }

    fn service(&self, state: &str) -> String {
        format!("{}signin/cas/back?state={state}", self.site)
    }
}

/// The namespace of the answers.
const NAMESPACE: &str = "http://www.yale.edu/tp/cas";

/// The account in an answer.
fn read(answer: &str, attribute: Option<&str>) -> Result<String, Refused> {
    let unproven = |problem: String| Refused::Unproven(problem);
    let document = Document::parse(answer).map_err(|error| unproven(error.to_string()))?;
    let root = document.root_element();
    if !root.has_tag_name((NAMESPACE, "serviceResponse")) {
        return Err(unproven("the answer is none of CAS".to_owned()));
    }
    if let Some(failure) = child(root, "authenticationFailure") {
        return Err(Refused::declined(failure.attribute("code").unwrap_or("?")));
    }
    let success = child(root, "authenticationSuccess");
    let success = success.ok_or_else(|| unproven("the answer says nothing".to_owned()))?;
    let Some(attribute) = attribute else {
        let mut users = success.children().filter(|node| node.has_tag_name((NAMESPACE, "user")));
        return match (users.next(), users.next()) {
            (Some(user), None) => text(user),
            _ => None,
        }
        .ok_or_else(|| unproven("there is no user, or it is no plain text".to_owned()));
    };
    let attributes = child(success, "attributes");
    let mut values = attributes
        .into_iter()
        .flat_map(|node| node.children())
        .filter(|node| node.has_tag_name((NAMESPACE, attribute)));
    match (values.next(), values.next()) {
        (Some(value), None) => text(value),
        _ => None,
    }
    .ok_or_else(|| unproven(format!("there is not one attribute `{attribute}` of plain text")))
}

fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.children().find(|child| child.has_tag_name((NAMESPACE, name)))
}

/// What an element says, where it holds text and nothing else: with a comment inside, readers do
/// not agree on what the text is.
fn text(node: Node<'_, '_>) -> Option<String> {
    if !node.children().all(|child| child.is_text()) {
        return None;
    }
    let text: String = node.children().filter_map(|child| child.text()).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_success_names_an_account() {
        let wrap = |inner: &str| {
            format!("<cas:serviceResponse xmlns:cas=\"{NAMESPACE}\">{inner}</cas:serviceResponse>")
        };
        let success = |inner: &str| {
            wrap(&format!("<cas:authenticationSuccess>{inner}</cas:authenticationSuccess>"))
        };
        let number = "<cas:user>li</cas:user><cas:attributes>\
                      <cas:number>0417</cas:number><cas:mail>a</cas:mail><cas:mail>b</cas:mail>\
                      </cas:attributes>";
        let failure = "<cas:authenticationFailure code=\"INVALID_TICKET\">no\
                       </cas:authenticationFailure>";
        let cases = [
            (success("<cas:user> li </cas:user>"), None, "li"),
            (success(number), None, "li"),
            (success(number), Some("number"), "0417"),
            (success(number), Some("mail"), "not one attribute `mail`"),
            (success(number), Some("user"), "not one attribute `user`"),
            (success("<user>li</user>"), None, "no user"),
            (success("<cas:user></cas:user>"), None, "no user"),
            (success("<cas:user>li<!-- x -->.evil</cas:user>"), None, "no user"),
            (success("<cas:user><!-- x -->li</cas:user>"), None, "no user"),
            (success("<cas:user>li<?x y?>zz</cas:user>"), None, "no user"),
            (success("<cas:user>li<b/>ang</cas:user>"), None, "no user"),
            (success("<cas:user>li<cas:user>wang</cas:user></cas:user>"), None, "no user"),
            (success("<cas:user>li</cas:user><cas:user>wang</cas:user>"), None, "no user"),
            (success("<cas:user>l<![CDATA[i]]>ang</cas:user>"), None, "liang"),
            (success("<cas:user>l&#105;</cas:user>"), None, "li"),
            (
                success(
                    "<cas:user>li</cas:user><cas:attributes><cas:number>04<!-- -->17</cas:number>\
                     </cas:attributes>",
                ),
                Some("number"),
                "not one attribute `number`",
            ),
            (wrap(failure), None, "INVALID_TICKET"),
            (wrap(&format!("{failure}{}", success(number))), None, "INVALID_TICKET"),
            (wrap("<cas:user>li</cas:user>"), None, "says nothing"),
            ("<serviceResponse><user>li</user></serviceResponse>".to_owned(), None, "none of CAS"),
            ("yes\nli\n".to_owned(), None, "proves nothing"),
            // Entities could make a short answer a long one.
            (
                format!("<!DOCTYPE x [<!ENTITY a \"li\">]>{}", success("<cas:user>&a;</cas:user>")),
                None,
                "proves nothing",
            ),
        ];
        for (answer, attribute, expected) in cases {
            let told = match read(&answer, attribute) {
                Ok(account) => account,
                Err(error) => error.to_string(),
            };
            assert!(told.contains(expected), "{answer}\n{told}");
        }
    }
}
