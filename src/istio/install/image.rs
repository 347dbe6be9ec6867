//! Version, registry and tag, as istiod's image or the configuration shows them.

use serde_json::Value;

use crate::istio::version::{ImageTag, Version};
use crate::krm::{Error, Item};

/// What the configuration says where the list does not show it (`spec.istio.version`, `hub`, `tag`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stated<'a> {
    /// Version of Istio.
    pub version: Option<&'a str>,
    /// Registry and path of the images.
    pub hub: Option<&'a str>,
    /// Tag of the images.
    pub tag: Option<&'a str>,
}

/// Registry and tag of an install's images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    /// Registry and path without the last element; None where neither list nor configuration says it.
    pub hub: Option<String>,
    /// Tag without the variant.
    pub tag: String,
    /// `-distroless` or `-debug`.
    pub variant: Option<String>,
    /// istiod's image is pinned by a digest, which says nothing about the other images.
    pub pinned: bool,
    /// Keys of the configuration that say something else than the list, which counts.
    pub not_used: Vec<&'static str>,
}

/// What istiod's image says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Shown<'a> {
    hub: Option<&'a str>,
    tag: Option<&'a str>,
    pinned: bool,
}

/// An image whose last element is not `pilot` says nothing: neither its registry nor its tag need fit the others.
fn shown(image: &str) -> Shown<'_> {
    let (rest, digest) = image.split_once('@').map_or((image, false), |(rest, _)| (rest, true));
    let Some((hub, name)) = rest.rsplit_once('/') else { return Shown { pinned: digest, ..Shown::default() } };
    let (name, tag) = name.split_once(':').map_or((name, None), |(name, tag)| (name, Some(tag)));
    if name == "pilot" {
        Shown { hub: Some(hub), tag, pinned: digest }
    } else {
        Shown { pinned: digest, ..Shown::default() }
    }
}

/// The version and the images of the istiod with this image, or of one that is not in the list.
pub(super) fn resolve(
    about: &Item<'_>,
    image: Option<&str>,
    values: &Value,
    stated: &Stated<'_>,
) -> Result<(Version, Images), Error> {
    let shown = image.map(shown).unwrap_or_default();
    let global =
        |key: &str| values.pointer(&format!("/global/{key}")).and_then(Value::as_str).filter(|word| !word.is_empty());
    let parse = |tag: &str| ImageTag::split(tag).base.parse::<Version>().ok();
    let in_list = shown.tag.and_then(parse);
    let configured = stated.version.and_then(|version| version.parse().ok()).or_else(|| stated.tag.and_then(parse));
    let mut not_used = Vec::new();
    if let (Some(list), Some(version)) = (&in_list, stated.version.and_then(|version| version.parse::<Version>().ok()))
        && *list != version
    {
        not_used.push("version");
    }
    if shown.hub.zip(stated.hub).is_some_and(|(list, hub)| list != hub) {
        not_used.push("hub");
    }
    if shown.tag.zip(stated.tag).is_some_and(|(list, tag)| list != tag) {
        not_used.push("tag");
    }
    let Some(version) = in_list.or(configured) else {
        let why = match image {
            Some(image) => format!("the image \"{image}\" does not show Istio's version"),
            None => "there is no istiod in the input that would show Istio's version".to_owned(),
        };
        return Err(about.error(format!(
            "{why}; set `istio.version` in the configuration (and `istio.hub` and `istio.tag` where the images are not \
             under their own names)"
        )));
    };
    let tag = shown.tag.or(stated.tag).map_or_else(|| version.to_string(), str::to_owned);
    let split = ImageTag::split(&tag);
    let in_tag = split.variant.map(|variant| variant.to_string());
    // A tag that is written down is the whole tag; one that follows from the version needs the install's variant.
    let variant = if shown.tag.or(stated.tag).is_some() { in_tag } else { global("variant").map(str::to_owned) };
    let fallback = if image.is_none() { global("hub") } else { None };
    let images = Images {
        hub: shown.hub.or(stated.hub).or(fallback).map(str::to_owned),
        tag: split.base.to_owned(),
        variant,
        pinned: shown.pinned,
        not_used,
    };
    Ok((version, images))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_image_called_pilot_shows_its_registry_and_tag() {
        let all = |hub, tag, pinned| Shown { hub: Some(hub), tag: Some(tag), pinned };
        for (image, expected) in [
            ("docker.io/istio/pilot:1.28.10", all("docker.io/istio", "1.28.10", false)),
            ("localhost:5000/a/b/pilot:1.28.10-distroless", all("localhost:5000/a/b", "1.28.10-distroless", false)),
            ("r/istio/pilot:1.28.10@sha256:00", all("r/istio", "1.28.10", true)),
            ("r/istio/pilot@sha256:00", Shown { hub: Some("r/istio"), tag: None, pinned: true }),
            ("r/istio/pilot", Shown { hub: Some("r/istio"), tag: None, pinned: false }),
            ("r/istio/my-pilot:1.28.10", Shown::default()),
            ("pilot:1.28.10", Shown::default()),
        ] {
            assert_eq!(shown(image), expected, "{image}");
        }
    }
}
