//! Signing in elsewhere: to where a browser is sent, with what it comes back, and tokens that
//! another system hands over.

use axum::Form;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum_extra::extract::WithRejection;
use duban_model::echoed_to;
use duban_store::Store;
use serde::Deserialize;

use crate::account::Holder;
use crate::address::ClientAddress;
use crate::pages::shell::local;
use crate::pages::sign_in::{SignInQuery, with_cookie};
use crate::pages::{Asked, Failure, Sent, go};
use crate::security::{REASON_CHARS_MAX, TARGET};
use crate::server::App;
use crate::session::{self, Newcomer};
use crate::sign_in::{Cas, Handover, Oidc, PersonKey, Refused, Started, UnderWay, Way, proof_key};

/// A request to be signed in, with what is asked of all of them.
struct Attempt<'a, S: Store> {
    app: &'a App<S>,
    headers: &'a HeaderMap,
    address: ClientAddress,
    way: Way,
}

impl<S: Store> Attempt<'_, S> {
    /// Refuses who tries too often, and ways that are not set up.
    fn admit<'w, W>(&self, way: Option<&'w W>) -> Result<&'w W, Failure> {
        if !self.app.limits().may_try_from(self.address) {
            self.app.limits().note_too_many("", self.address);
            return Err(Failure::TooOften);
        }
        self.offered(way)
    }

    /// Refuses ways that are not set up. Whoever comes back has been counted on the way there.
    fn offered<'w, W>(&self, way: Option<&'w W>) -> Result<&'w W, Failure> {
        let is_usable = !self.app.settings().is_demonstration;
        way.filter(|_| is_usable).ok_or(Failure::Refused(Refused::NotOffered))
    }

    /// Remembers where somebody wants to go, and that this browser is on its way.
    async fn send(&self, verifier: &str, to: &str) -> Result<Started, Failure> {
        if !self.app.limits().may_send() {
            self.app.limits().note_too_many("", self.address);
            return Err(Failure::TooOften);
        }
        Ok(UnderWay::start(self.app, self.headers, self.way, verifier, to).await?)
    }

    async fn come_back(&self, state: Option<&str>) -> Result<UnderWay, Failure> {
        let under_way =
            UnderWay::finish(self.app, self.headers, self.way, state.unwrap_or_default()).await;
        under_way.map_err(|refused| self.refuse(refused))
    }

    /// Signs in whoever has the account, and opens the path.
    async fn enter(
        &self,
        account: Result<String, Refused>,
        key: &PersonKey,
        to: &str,
    ) -> Result<Response, Failure> {
        let directory = self.app.engine.directory();
        let found = account
            .and_then(|account| key.find(&directory, &account).map(|person| (account, person)));
        let (login, person) = found.map_err(|refused| self.refuse(refused))?;
        let newcomer = Newcomer { login, holder: Holder::Person(person), way: self.way };
        let cookie = session::begin(self.app, self.headers, self.address, newcomer).await?;
        Ok(with_cookie(go(&local(Some(to))), &cookie))
    }

    /// Writes down why somebody is not let in.
    fn refuse(&self, refused: Refused) -> Failure {
        tracing::warn!(
            target: TARGET,
            way = self.way.as_str(),
            address = %self.address,
            // Quoted: it may repeat what a stranger wrote.
            error = echoed_to(&refused.to_string(), REASON_CHARS_MAX),
            "sign-in refused"
        );
        Failure::Refused(refused)
    }
}

/// Sends a browser to the OpenID provider.
pub(crate) async fn to_oidc<S: Store>(
    State(app): State<App<S>>,
    WithRejection(Query(query), _): Asked<SignInQuery>,
    address: ClientAddress,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let attempt = Attempt { app: &app, headers: &headers, address, way: Way::Oidc };
    let oidc: &Oidc = attempt.admit(app.sign_in().oidc.as_ref())?;
    let (verifier, challenge) = proof_key();
    let started = attempt.send(verifier.secret(), &local(query.to.as_deref())).await?;
    let now = app.engine.now().millis();
    let url = oidc.authorize_url(now, challenge, started.state, started.nonce).await;
    let url = url.map_err(|refused| attempt.refuse(refused))?;
    Ok(with_cookie(go(url.as_str()), &started.cookie))
}

/// What an OpenID provider sends back.
#[derive(Deserialize)]
pub(crate) struct OidcAnswer {
    state: Option<String>,
    code: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

/// A browser comes back from the OpenID provider.
pub(crate) async fn from_oidc<S: Store>(
    State(app): State<App<S>>,
    WithRejection(Query(answer), _): Asked<OidcAnswer>,
    address: ClientAddress,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let attempt = Attempt { app: &app, headers: &headers, address, way: Way::Oidc };
    let oidc: &Oidc = attempt.offered(app.sign_in().oidc.as_ref())?;
    let under_way = attempt.come_back(answer.state.as_deref()).await?;
    let to = under_way.to.clone();
    let now = app.engine.now().millis();
    let account = match (&answer.error, &answer.code) {
        (Some(error), _) => Err(Refused::declined(error)),
        (None, Some(code)) => oidc.account(now, code, answer.iss.as_deref(), under_way).await,
        (None, None) => Err(Refused::Unproven("the answer has no code".to_owned())),
    };
    attempt.enter(account, oidc.person(), &to).await
}

/// Sends a browser to the CAS server.
pub(crate) async fn to_cas<S: Store>(
    State(app): State<App<S>>,
    WithRejection(Query(query), _): Asked<SignInQuery>,
    address: ClientAddress,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let attempt = Attempt { app: &app, headers: &headers, address, way: Way::Cas };
    let cas: &Cas = attempt.admit(app.sign_in().cas.as_ref())?;
    let started = attempt.send("", &local(query.to.as_deref())).await?;
    Ok(with_cookie(go(cas.login_url(&started.state).as_str()), &started.cookie))
}

/// What a CAS server sends back; the state is ours.
#[derive(Deserialize)]
pub(crate) struct CasAnswer {
    state: Option<String>,
    ticket: Option<String>,
}

/// A browser comes back from the CAS server.
pub(crate) async fn from_cas<S: Store>(
    State(app): State<App<S>>,
    WithRejection(Query(answer), _): Asked<CasAnswer>,
    address: ClientAddress,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let attempt = Attempt { app: &app, headers: &headers, address, way: Way::Cas };
    let cas: &Cas = attempt.offered(app.sign_in().cas.as_ref())?;
    let under_way = attempt.come_back(answer.state.as_deref()).await?;
    let account = match (&answer.ticket, &answer.state) {
        (Some(ticket), Some(state)) => cas.account(ticket, state).await,
        _ => Err(Refused::Unproven("the answer has no ticket".to_owned())),
    };
    attempt.enter(account, cas.person(), &under_way.to).await
}

/// A token, in a link or in a form of the other system's page.
#[derive(Deserialize)]
pub(crate) struct HandoverForm {
    #[serde(default)]
    token: String,
}

/// A link with a token.
pub(crate) async fn follow_handover<S: Store>(
    State(app): State<App<S>>,
    WithRejection(Query(form), _): Asked<HandoverForm>,
    address: ClientAddress,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    take_over(&app, &form.token, address, &headers).await
}

/// A form with a token. It may come from another site: the token itself is the proof.
pub(crate) async fn post_handover<S: Store>(
    State(app): State<App<S>>,
    address: ClientAddress,
    headers: HeaderMap,
    WithRejection(Form(form), _): Sent<HandoverForm>,
) -> Result<Response, Failure> {
    take_over(&app, &form.token, address, &headers).await
}

async fn take_over<S: Store>(
    app: &App<S>,
    token: &str,
    address: ClientAddress,
    headers: &HeaderMap,
) -> Result<Response, Failure> {
    let attempt = Attempt { app, headers, address, way: Way::Handover };
    let handover: &Handover = attempt.admit(app.sign_in().handover.as_ref())?;
    let read = handover.read(app.engine.now().millis(), token).await;
    let handed = read.map_err(|refused| attempt.refuse(refused))?;
    handed.use_up(app).await.map_err(|refused| attempt.refuse(refused))?;
    let path = handed.path.as_deref().unwrap_or("/");
    attempt.enter(Ok(handed.account), handover.person(), path).await
}
