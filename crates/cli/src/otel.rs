//! Traces for a collector of OpenTelemetry: OTLP over HTTP, as protobuf. Built with the feature `otel` only.
//!
//! Spans wait in a bounded queue for a thread that sends them; what finds no room is dropped. So a collector that is slow, or away, holds up nothing.

use std::sync::Arc;
use std::time::Duration;

use edgelatch_server::{CallTrace, PublicationTrace, Traces};
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{Span, SpanBuilder, SpanKind, Status, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};

use crate::failure::{Failure, Result};

/// Time for one batch of spans.
const EXPORT: Duration = Duration::from_secs(5);
/// Time for those that are left at the end: a server ends within eight seconds, and supervisors kill it after ten.
const LAST: Duration = Duration::from_secs(1);
/// Where a collector takes traces, below its address.
const PATH: &str = "/v1/traces";

/// Sends traces to a collector.
#[derive(Debug)]
pub(crate) struct Otel {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    propagator: TraceContextPropagator,
}

impl Otel {
    /// For the collector at this address. Nobody is asked yet; what comes of sending is in the log.
    pub(crate) fn start(endpoint: &str) -> Result<Arc<Otel>> {
        let wrong = || {
            Failure::usage(
                "--otel-endpoint: must be the address of a collector, such as http://127.0.0.1:4318, without a user, path or query",
            )
        };
        let url = reqwest::Url::parse(endpoint).map_err(|_| wrong())?;
        let bare = url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.path() == "/";
        if !bare || !["http", "https"].contains(&url.scheme()) || url.host().is_none() {
            return Err(wrong());
        }
        // Ours is the only one; whoever came first has set the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let failed = |error: &dyn std::fmt::Display| Failure::new("otel", format!("--otel-endpoint: {error}"));
        let client = reqwest::blocking::Client::builder().timeout(EXPORT).redirect(reqwest::redirect::Policy::none()).build();
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client.map_err(|error| failed(&error))?)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{}{PATH}", endpoint.trim().trim_end_matches('/')))
            .with_timeout(EXPORT)
            .build()
            .map_err(|error| failed(&error))?;
        let resource = Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
        let named = std::env::var_os("OTEL_SERVICE_NAME").is_some();
        let resource = if named { resource } else { resource.with_service_name("edgelatch") };
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.build()).build();
        Ok(Arc::new(Otel { tracer: provider.tracer("edgelatch"), provider, propagator: TraceContextPropagator::new() }))
    }

    /// Sends what is left, as far as that can be done in a moment.
    pub(crate) fn end(&self) {
        // What is wrong with the collector was told of when it was wrong.
        let _ = self.provider.shutdown_with_timeout(LAST);
    }

    fn span(&self, name: String, kind: SpanKind, attributes: Vec<KeyValue>) -> SpanBuilder {
        self.tracer.span_builder(name).with_kind(kind).with_attributes(attributes)
    }
}

/// What a caller says of the trace that its call is a part of. Of what comes beside it (`tracestate`, `baggage`) nothing is taken, since nobody knows
/// what is in it.
struct Parent<'p>(&'p str);

impl Extractor for Parent<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        (key == "traceparent").then_some(self.0)
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent"]
    }
}

impl Traces for Otel {
    fn call(&self, call: &CallTrace<'_>) {
        let method = if call.method == "other" { "_OTHER" } else { call.method };
        let mut attributes = vec![
            KeyValue::new("http.request.method", method.to_owned()),
            KeyValue::new("http.route", call.route.to_owned()),
            KeyValue::new("http.response.status_code", i64::from(call.status)),
        ];
        attributes.extend(call.code.map(|code| KeyValue::new("edgelatch.verdict", code)));
        attributes.extend(call.key_id.map(|id| KeyValue::new("edgelatch.key_id", id.to_string())));
        attributes.extend(call.realm.map(|realm| KeyValue::new("edgelatch.realm", realm.to_string())));
        let none = Context::new();
        // What is no parent begins a trace of its own.
        let parent = call.parent.map(|text| self.propagator.extract_with_context(&none, &Parent(text))).unwrap_or(none);
        let name = format!("{} {}", call.method, call.route);
        let span = self.span(name, SpanKind::Server, attributes).with_start_time(call.begun);
        let mut span = self.tracer.build_with_context(span, &parent);
        if call.status >= 500 {
            span.set_status(Status::error(""));
        }
        span.end_with_timestamp(call.begun + call.took);
    }

    fn publication(&self, publication: &PublicationTrace<'_>) {
        let counted = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let mut attributes = vec![
            KeyValue::new("edgelatch.realm", publication.realm.to_string()),
            KeyValue::new("edgelatch.outcome", publication.outcome),
        ];
        if let Some((epoch, reason)) = publication.epoch {
            attributes.extend([
                KeyValue::new("edgelatch.epoch", i64::try_from(epoch).unwrap_or(i64::MAX)),
                KeyValue::new("edgelatch.reason", reason),
                KeyValue::new("edgelatch.records", i64::try_from(publication.records).unwrap_or(i64::MAX)),
                KeyValue::new("edgelatch.targets", counted(publication.written)),
            ]);
        }
        let span = self.span("publish".into(), SpanKind::Internal, attributes).with_start_time(publication.begun);
        let mut span = self.tracer.build_with_context(span, &Context::new());
        if publication.outcome != "published" {
            span.set_status(Status::error(publication.outcome));
        }
        span.end_with_timestamp(publication.begun + publication.took);
    }
}
