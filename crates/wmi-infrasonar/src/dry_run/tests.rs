use super::*;

const KNOWN: [&str; 2] = ["memory", "system"];

#[test]
fn the_example_is_one() {
    let run = DryRun::read(EXAMPLE, &KNOWN).expect("a dry run");
    assert_eq!((run.path.asset, run.asset_name.as_str(), run.check_key.as_str()), (0, "foo.local", "system"));
    assert_eq!(run.config.address.as_deref(), Some("192.168.1.2"));
}

#[test]
fn asset_name_check_id_and_config() {
    let text = "asset: {name: a, check: memory, id: 7, config: {_use: other, exclude_shadow_storage: yes}}";
    let run = DryRun::read(text, &KNOWN).expect("a dry run");
    assert_eq!(run.path.asset, 7);
    assert_eq!(run.config.section.as_deref(), Some("other"));
    assert!(run.config.exclude_shadow_storage);
    for text in ["asset: {name: a, check: memory, config: }", "asset: {name: a, check: memory}"] {
        assert_eq!(DryRun::read(text, &KNOWN).expect("a dry run").config.address, None);
    }
}

#[test]
fn what_is_missing_is_told() {
    let cases = [
        ("", "missing or invalid `asset`"),
        ("- 1", "missing or invalid `asset`"),
        ("asset: 1", "missing or invalid `asset`"),
        ("asset: {check: memory}", "missing or invalid `name`"),
        ("asset: {name: a}", "missing or invalid `check`"),
        ("asset: {name: a, check: memory, id: x}", "invalid optional `id`"),
        ("asset: {name: a, check: memory, config: [1]}", "missing or invalid `config`"),
        ("asset: {name: a, check: disks}", "unknown check `disks`; available checks: memory, system"),
        ("asset: {name: a", "it is no YAML"),
    ];
    for (text, expected) in cases {
        let error = DryRun::read(text, &KNOWN).expect_err(text);
        assert!(error.starts_with(expected), "{error}");
    }
}
