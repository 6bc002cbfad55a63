//! What the OpenAPI file says of the API as a whole.

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::refusal::RequestRefusal;

/// The file, before the routes add what they are.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Huixin's API for operators",
        description = "What `huixin status`, `dead`, `lane`, `pause`, `resume`, `trace`, `forget` and `audit` ask, over the admin \
            listener of any role. Times are RFC 3339 or have their unit in the name; so do durations. Each error is a JSON \
            object, `RequestRefusal`.\n\nIf `admin.token` is configured, it is asked for; with `admin.read_token` you can read and \
            change nothing. A browser exchanges either for a session by `/v1/login`. Without a token everything is open on \
            loopback, to callers that name an address or `localhost`, and nothing elsewhere.",
        license(name = "Apache-2.0 OR MIT", identifier = "Apache-2.0 OR MIT")
    ),
    components(schemas(RequestRefusal)),
    security((), ("token" = [])),
    modifiers(&TokenScheme)
)]
pub(super) struct Api;

/// How the token is shown.
struct TokenScheme;

impl Modify for TokenScheme {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("`admin.token`, or `admin.read_token` to read only"));
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme.build()));
    }
}
