//! One message to the control plane, and what its answer means.

use edgelatch_http::Error;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};
use tokio::time::timeout;

use crate::source::{client, reason};

/// Statuses below 500 that say "later" (request timeout, too early, too many requests), not "no".
const LATER: [u16; 3] = [408, 425, 429];
/// Bytes of an answer: several times what it has.
const MAX_ANSWER: usize = 4096;

/// Where messages of a kind go to.
pub(super) struct Post {
    client: Client,
    url: Url,
    key: HeaderValue,
    deadline: Duration,
}

/// What became of an attempt.
pub(super) enum Answer {
    /// It was taken; with what was said, as far as it could be read.
    Taken(Vec<u8>),
    /// It is refused for good.
    Refused(Error),
    /// To be tried again, after that time at the earliest.
    Later(Error, Duration),
}

impl Post {
    pub(super) fn new(url: Url, key: HeaderValue, deadline: Duration) -> Result<Post, Error> {
        // A redirect is not followed: the key is for this address alone.
        Ok(Post { client: client("usage", |builder| builder.redirect(Policy::none()))?, url, key, deadline })
    }

    pub(super) fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Sends a message. It is done when its deadline has passed.
    pub(super) async fn send(&self, body: Bytes) -> Answer {
        let failed = |code, detail: String| Answer::Later(Error::Usage { code, detail }, Duration::ZERO);
        match timeout(self.deadline, self.ask(body)).await {
            Err(_) => failed("deadline", format!("no answer within {} ms", self.deadline.as_millis())),
            Ok(Err(error)) => failed("unreachable", reason(&error.without_url())),
            Ok(Ok(answer)) => answer,
        }
    }

    async fn ask(&self, body: Bytes) -> Result<Answer, reqwest::Error> {
        let request = self.client.post(self.url.clone()).header(AUTHORIZATION, self.key.clone());
        let mut reply = request.header(CONTENT_TYPE, "application/json").body(body).send().await?;
        let status = reply.status();
        if status.is_success() {
            return Ok(Answer::Taken(said(&mut reply).await));
        }
        let more = if status.is_redirection() { ", which is not followed: give the address where it ends" } else { "" };
        let detail = format!("the control plane answered {}{more}", status.as_u16());
        let error = Error::Usage { code: "http_status", detail };
        if status < StatusCode::INTERNAL_SERVER_ERROR && !LATER.contains(&status.as_u16()) {
            return Ok(Answer::Refused(error));
        }
        let after = reply.headers().get(RETRY_AFTER).and_then(|after| after.to_str().ok()?.parse::<u32>().ok());
        Ok(Answer::Later(error, Duration::from_secs(after.unwrap_or(0).into())))
    }
}

/// The message was taken, whatever becomes of the answer.
async fn said(reply: &mut Response) -> Vec<u8> {
    let mut said = Vec::new();
    while let Ok(Some(piece)) = reply.chunk().await {
        if piece.len() > MAX_ANSWER.saturating_sub(said.len()) {
            return Vec::new();
        }
        said.extend_from_slice(&piece);
    }
    said
}
