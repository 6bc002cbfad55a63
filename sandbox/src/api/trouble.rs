//! A call that meets a fault. What each fault does is documented at [`Fault`].

use std::future::Future;

use axum::{
    http::StatusCode,
    response::{Html, IntoResponse, Response},
};
use tokio_util::sync::CancellationToken;

use crate::{Fault, server::CutSwitch};

/// What some gateway on the way says instead of an answer.
const PAGE: &str =
    "<!DOCTYPE html>\n<html><head><title>Gateway</title></head><body>Please sign in.</body></html>\n";

/// Handles a call with the fault that it meets, if any.
pub(super) async fn meet(
    fault: Option<Fault>,
    stopping: &CancellationToken,
    cut: &CutSwitch,
    handle: impl Future<Output = Response> + Send + 'static,
    refuse: impl FnOnce(i64) -> Response,
) -> Response {
    match fault {
        None => handle.await,
        Some(Fault::Code(code)) => refuse(code),
        Some(Fault::Status(status)) => status_only(status),
        Some(Fault::Html) => Html(PAGE).into_response(),
        Some(Fault::Delay(time)) => {
            let handled = async move {
                tokio::time::sleep(time).await;
                handle.await
            };
            // In a task of its own, since this one ends when the caller hangs up.
            tokio::spawn(handled).await.unwrap_or_else(|_| status_only(500))
        }
        Some(Fault::Hang) => {
            stopping.cancelled().await;
            cut_off(cut)
        }
        Some(Fault::Cut) => cut_off(cut),
        Some(Fault::CutAfterAccept) => {
            handle.await;
            cut_off(cut)
        }
    }
}

/// The connection is closed because this answer can't be written.
fn cut_off(cut: &CutSwitch) -> Response {
    cut.cut();
    status_only(500)
}

fn status_only(status: u16) -> Response {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response()
}
