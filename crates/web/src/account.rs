//! Accounts: who can sign in, as whom, and with which password.
//!
//! An account is a person's, or it is one of three posts of administration that exclude each
//! other: of the system, of security and of audit (GB/T 22239-2019, 8.1.5). Passwords are kept
//! as Argon2id hashes (RFC 9106); nobody but its owner ever sets one, through a link that works
//! once.

use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use duban_model::PersonId;
use duban_store::{Store, StoreError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::{digest, random_hex};
use crate::password::{self, Lack};
use crate::session;

/// A post of administration. Nobody has two, and none of them has a part in any case.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AdminPost {
    /// Suites, the directory, deliveries.
    System,
    /// Accounts and tokens.
    Security,
    /// Reads and checks the audit trail.
    Audit,
}

impl AdminPost {
    pub(crate) const ALL: [Self; 3] = [Self::System, Self::Security, Self::Audit];

    /// The word in forms and links.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Security => "security",
            Self::Audit => "audit",
        }
    }

    pub(crate) fn zh(self) -> &'static str {
        match self {
            Self::System => "系统管理员",
            Self::Security => "安全管理员",
            Self::Audit => "审计管理员",
        }
    }
}

/// Whose an account is.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// A person of the directory.
    Person(PersonId),
    /// A post of administration.
    Admin(AdminPost),
}

/// An account as it is kept.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// What one signs in with.
    pub login: String,
    /// Whose it is.
    pub holder: Holder,
    /// The password's hash in PHC form; `None`: the link has not been used yet.
    hash: Option<String>,
    /// When it was made, in milliseconds UTC.
    pub made_at: i64,
}

impl Account {
    /// Whether its owner has set a password.
    pub fn is_ready(&self) -> bool {
        self.hash.is_some()
    }
}

/// A link that sets the password of an account, once.
#[derive(Serialize, Deserialize)]
struct Invitation {
    login: String,
    expires_at: i64,
}

/// Why an account was not made or not signed in to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AccountError {
    #[error("用户名须为 2 至 32 个字母、数字、点、横线或下划线")]
    BadLogin,
    #[error("用户名已有人使用")]
    Taken,
    #[error("口令不合要求：{}", said(.0))]
    BadPassword(Vec<Lack>),
    #[error("链接无效：已用过，或者已过期；请安全管理员重新发一个")]
    BadLink,
    #[error("最后一个安全管理员账号不能删除")]
    LastSecurity,
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn said(lacks: &[Lack]) -> String {
    lacks.iter().map(Lack::to_string).collect::<Vec<_>>().join("；")
}

/// How long a link works, in milliseconds.
const LINK_MS_MAX: i64 = 7 * 24 * 3_600_000;

/// The accounts of a database.
pub struct Accounts;

impl Accounts {
    /// The path of a link that makes the first account, the security administrator's, where there
    /// is none that could be signed in to. A link given out earlier stops working.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn first_link<S: Store>(store: &S, now: i64) -> Result<Option<String>, StoreError> {
        if Self::list(store).await?.iter().any(Account::is_ready) {
            return Ok(None);
        }
        let account = Account {
            login: "security".to_owned(),
            holder: Holder::Admin(AdminPost::Security),
            hash: None,
            made_at: now,
        };
        Self::keep(store, &account, now).await?;
        Ok(Some(Self::link(store, &account.login, now).await?))
    }

    /// Makes an account without a password and the path of the link that sets one.
    pub(crate) async fn create<S: Store>(
        store: &S,
        login: &str,
        holder: Holder,
        now: i64,
    ) -> Result<String, AccountError> {
        let is_good = (2..=32).contains(&login.len())
            && login.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
        if !is_good {
            return Err(AccountError::BadLogin);
        }
        if Self::find(store, login).await?.is_some() {
            return Err(AccountError::Taken);
        }
        let account = Account { login: login.to_owned(), holder, hash: None, made_at: now };
        Self::keep(store, &account, now).await?;
        Ok(Self::link(store, login, now).await?)
    }

    /// The path of a new link for an account; links given out earlier stop working.
    pub(crate) async fn link<S: Store>(
        store: &S,
        login: &str,
        now: i64,
    ) -> Result<String, StoreError> {
        for (document, json) in store.documents("invitation/").await? {
            let old: Invitation = serde_json::from_str(&json).map_err(StoreError::Unreadable)?;
            if old.login == login || old.expires_at < now {
                store.remove_document(&document).await?;
            }
        }
        let key = random_hex()?;
        let invitation = Invitation { login: login.to_owned(), expires_at: now + LINK_MS_MAX };
        let json = serde_json::to_string(&invitation).map_err(StoreError::Unreadable)?;
        store.put_document(&format!("invitation/{}", digest(&key)), &json, now).await?;
        Ok(format!("/welcome?key={key}"))
    }

    /// Whose link a key belongs to.
    pub(crate) async fn invited<S: Store>(
        store: &S,
        key: &str,
        now: i64,
    ) -> Result<Account, AccountError> {
        let json = store.document(&format!("invitation/{}", digest(key))).await?;
        let json = json.ok_or(AccountError::BadLink)?;
        let invitation: Invitation = serde_json::from_str(&json).map_err(StoreError::Unreadable)?;
        if invitation.expires_at < now {
            return Err(AccountError::BadLink);
        }
        Self::find(store, &invitation.login).await?.ok_or(AccountError::BadLink)
    }

    /// Uses a link: sets the password. The link is used up first, so that of two at once only
    /// one comes through.
    pub(crate) async fn set_password<S: Store>(
        store: &S,
        key: &str,
        password: &str,
        now: i64,
    ) -> Result<Account, AccountError> {
        let mut account = Self::invited(store, key, now).await?;
        let lacks = password::lacks(password, &account.login);
        if !lacks.is_empty() {
            return Err(AccountError::BadPassword(lacks));
        }
        account.hash = Some(hash(password.to_owned()).await?);
        if !store.remove_document(&format!("invitation/{}", digest(key))).await? {
            return Err(AccountError::BadLink);
        }
        Self::keep(store, &account, now).await?;
        Ok(account)
    }

    /// The account that a login and password open. An unknown login takes as long as a wrong
    /// password.
    pub(crate) async fn verify<S: Store>(
        store: &S,
        login: &str,
        password: &str,
    ) -> Result<Option<Account>, StoreError> {
        let account = Self::find(store, login).await?;
        let kept = account.as_ref().and_then(|account| account.hash.clone());
        let is_known = kept.is_some();
        let kept = kept.unwrap_or_else(|| NOBODYS.to_owned());
        let password = password.to_owned();
        let check = move || Argon2::default().verify_password(password.as_bytes(), kept.as_str());
        let is_right = blocking(check).await?.is_ok();
        Ok(account.filter(|_| is_known && is_right))
    }

    pub(crate) async fn find<S: Store>(
        store: &S,
        login: &str,
    ) -> Result<Option<Account>, StoreError> {
        let Some(json) = store.document(&format!("account/{login}")).await? else {
            return Ok(None);
        };
        serde_json::from_str(&json).map(Some).map_err(StoreError::Unreadable)
    }

    /// Every account, by login.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn list<S: Store>(store: &S) -> Result<Vec<Account>, StoreError> {
        let kept = store.documents("account/").await?;
        let read = kept.iter().map(|(_, json)| serde_json::from_str(json));
        read.collect::<Result<_, _>>().map_err(StoreError::Unreadable)
    }

    /// Takes an account away; its sessions end with it.
    pub(crate) async fn remove<S: Store>(store: &S, login: &str) -> Result<(), AccountError> {
        let all = Self::list(store).await?;
        let is_security = |account: &&Account| account.holder == Holder::Admin(AdminPost::Security);
        let others = all.iter().filter(is_security).filter(|a| a.is_ready() && a.login != login);
        let is_needed = all.iter().filter(is_security).any(|account| account.login == login);
        if is_needed && others.count() == 0 {
            return Err(AccountError::LastSecurity);
        }
        let Some(account) = all.iter().find(|account| account.login == login) else {
            return Ok(());
        };
        store.remove_document(&format!("account/{login}")).await?;
        session::end_of_account(store, login, &account.holder).await?;
        Ok(())
    }

    async fn keep<S: Store>(store: &S, account: &Account, now: i64) -> Result<(), StoreError> {
        let json = serde_json::to_string(account).map_err(StoreError::Unreadable)?;
        store.put_document(&format!("account/{}", account.login), &json, now).await
    }
}

/// The hash of a password that nobody has, with the same cost as a real one.
const NOBODYS: &str = "$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$\
                       6Xv1T0Zk0m6y7l0F1H2uYy0m3mYl4m5hC0lVQkq0m1s";

async fn hash(password: String) -> Result<String, StoreError> {
    let make = move || Argon2::default().hash_password(password.as_bytes());
    match blocking(make).await? {
        Ok(hash) => Ok(hash.to_string()),
        Err(error) => Err(StoreError::Database(Box::new(std::io::Error::other(error.to_string())))),
    }
}

/// Hashing takes tens of milliseconds and 19 MiB: off the threads that serve, a few at once.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StoreError> {
    static AT_ONCE: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(2);
    let _permit = AT_ONCE.acquire().await.expect("invariant: the semaphore is never closed");
    tokio::task::spawn_blocking(work).await.map_err(|error| StoreError::Database(Box::new(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobodys_hash_costs_as_much_as_a_real_one() {
        let real = Argon2::default().hash_password(b"0123456789").unwrap().to_string();
        let cost = |hash: &str| hash.split('$').take(4).collect::<Vec<_>>().join("$");
        assert_eq!(cost(&real), cost(NOBODYS));
        let wrong = Argon2::default().verify_password(b"0123456789", NOBODYS);
        assert!(matches!(wrong, Err(argon2::password_hash::Error::PasswordInvalid)), "{wrong:?}");
    }
}
