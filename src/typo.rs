//! Which allowed word a mistyped one was meant to be: an error that knows the answer says it.

/// Longer words are no typing mistakes, and comparing them would cost time that only a hostile input wants.
const LONGEST: usize = 64;

/// The allowed word that `word` most likely stands for: the same but for case and separators, or at most two
/// typing mistakes away (one where the allowed word has three letters or fewer). Of equals the first in `allowed` wins.
#[must_use]
pub fn guess<'a>(word: &str, allowed: &[&'a str]) -> Option<&'a str> {
    if word.is_empty() || word.len() > LONGEST {
        return None;
    }
    let folded = fold(word);
    allowed
        .iter()
        .map(|candidate| (mistakes(&folded, candidate), *candidate))
        .filter(|(mistakes, candidate)| *mistakes <= tolerated(candidate))
        .min_by_key(|(mistakes, _)| *mistakes)
        .map(|(_, candidate)| candidate)
}

fn mistakes(folded: &str, candidate: &str) -> usize {
    strsim::osa_distance(folded, &fold(candidate))
}

fn tolerated(candidate: &str) -> usize {
    if candidate.len() <= 3 { 1 } else { 2 }
}

/// `pod-security`, `pod_security` and `PodSecurity` are one word to the person who typed it.
fn fold(word: &str) -> String {
    word.chars().filter(|letter| !matches!(letter, '-' | '_')).flat_map(char::to_lowercase).collect()
}

/// What a message says of a word that is not allowed: what is, and what was probably meant.
#[must_use]
pub fn not_allowed(noun: &str, word: &str, allowed: &[&str]) -> String {
    let guess = guess(word, allowed).map(|guess| format!("did you mean `{guess}`? ")).unwrap_or_default();
    let allowed: Vec<String> = allowed.iter().map(|word| format!("`{word}`")).collect();
    format!("unknown {noun} \"{word}\"; {guess}allowed: {}", allowed.join(", "))
}

#[cfg(test)]
mod tests {
    use super::guess;

    const LEVELS: &[&str] = &["privileged", "baseline", "restricted"];
    const PLATFORMS: &[&str] = &["gke", "openshift", "k3d", "k3s", "microk8s", "minikube", "none"];

    #[test]
    fn guesses_what_was_meant() {
        for (word, allowed, expected) in [
            ("Baseline", LEVELS, Some("baseline")),
            ("basline", LEVELS, Some("baseline")),
            ("baesline", LEVELS, Some("baseline")),
            ("restrict", LEVELS, Some("restricted")),
            ("restr", LEVELS, None),
            ("strict", LEVELS, None),
            ("", LEVELS, None),
            ("GKE", PLATFORMS, Some("gke")),
            ("k3", PLATFORMS, Some("k3d")),
            ("eks", PLATFORMS, None),
            ("pod_security", &["podSecurity", "istio"], Some("podSecurity")),
            ("anything", &[], None),
        ] {
            assert_eq!(guess(word, allowed), expected, "{word:?}");
        }
    }

    #[test]
    fn no_word_of_hostile_length_is_compared() {
        assert_eq!(guess(&"baseline".repeat(10), LEVELS), None);
    }
}
