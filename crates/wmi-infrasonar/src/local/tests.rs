use super::*;
use crate::fernet::PUBLIC_KEY;

fn key() -> Key {
    Key::parse(PUBLIC_KEY).expect("a key")
}

fn read(text: &str) -> Result<Reading, LocalError> {
    let mut drawn = 0;
    LocalConfig::read(text, &key(), Duration::from_secs(1_700_000_000), &mut || {
        drawn += 1;
        [drawn; 16]
    })
}

fn account(text: &str, asset: u64, section: Option<&str>) -> (Account, Vec<String>) {
    let mut warnings = Vec::new();
    let reading = read(text).expect("a configuration");
    (reading.config.account("wmi", asset, section, &mut warnings), warnings)
}

fn name(text: &str, asset: u64, section: Option<&str>) -> Option<String> {
    account(text, asset, section).0.username
}

const TEXT: &str = r"
# who may
wmi:
  config: {username: 'alice@acme', password: 'pass word', kdc_host: kdc.acme, kdc_port: 89}   # Alice
  assets:
  - id: 7
    config: {username: bob}
  - id: [8, 9]
    config:
      username: carol
      password: ünï
  - id: 7
    config: {username: nobody}
  - id: 10
other: {use: third}
third:
  use: wmi
";

#[test]
fn username_password_kdc_host_and_kdc_port() {
    let (account, warnings) = account(TEXT, 1, None);
    let expected = Account {
        username: Some("alice@acme".to_owned()),
        password: Some(Secret::from("pass word")),
        kdc_host: Some("kdc.acme".to_owned()),
        kdc_port: Some(89),
    };
    assert_eq!((account, warnings), (expected, Vec::new()));
}

#[test]
fn the_first_entry_of_an_asset_replaces_the_config_wholly() {
    let (found, _) = account(TEXT, 7, None);
    assert_eq!((found.username.as_deref(), found.password), (Some("bob"), None));
    assert_eq!(name(TEXT, 8, None).as_deref(), Some("carol"));
    assert_eq!(name(TEXT, 9, None).as_deref(), Some("carol"));
    assert_eq!(account(TEXT, 10, None).0, Account::default());
}

#[test]
fn use_is_followed() {
    assert_eq!(name(TEXT, 8, Some("other")).as_deref(), Some("carol"));
    assert_eq!(name(TEXT, 1, Some("")).as_deref(), Some("alice@acme"));
}

#[test]
fn use_in_a_circle_ends() {
    let (account, warnings) = account("wmi: {use: a}\na: {use: b}\nb: {use: a}\n", 1, None);
    assert_eq!((account, warnings), (Account::default(), vec!["section `a` uses itself".to_owned()]));
}

#[test]
fn a_section_that_is_named_and_missing_is_told() {
    let (found, warnings) = account(TEXT, 1, Some("sql"));
    let told = "section `sql` is configured explicitly, and is not there";
    assert_eq!((found, warnings), (Account::default(), vec![told.to_owned()]));
    assert_eq!(account("sql: {}", 1, None), (Account::default(), Vec::new()));
}

#[test]
fn use_beside_config_or_assets_is_told() {
    let reading = read("wmi: {use: x, config: {}, assets: []}\ny: 1\n").expect("a configuration");
    assert_eq!(reading.warnings.len(), 3);
    assert_eq!(reading.warnings[2], "section `y` is no map");
}

#[test]
fn secrets_are_encrypted_where_they_stand() {
    let reading = read(TEXT).expect("a configuration");
    let encrypted = reading.encrypted.expect("another text");
    let text = encrypted.expose();
    assert!(text.starts_with(HEADER));
    assert!(!text.contains("pass word") && !text.contains("ünï"), "{text}");
    assert!(text.contains("# who may\n") && text.contains("kdc_port: 89}   # Alice\n"), "{text}");
    assert!(text.contains("username: carol\n      password: {encrypted: !!binary \"Z0FBQUFB"), "{text}");
    let again = read(text).expect("a configuration");
    assert!(again.encrypted.is_none());
    assert_eq!(again.config, reading.config);
    assert_eq!((reading.warnings, again.warnings), (Vec::new(), Vec::new()));
}

#[test]
fn every_way_to_write_a_secret() {
    let cases = [
        ("secret: x", "x"),
        ("password: x", "x"),
        ("password: 'it''s'", "it's"),
        ("password: \"a\\tb\"", "a\tb"),
        ("password: 007", "007"),
        ("password: -1.50", "-1.50"),
        ("password: yes", "yes"),
        ("password: ''", ""),
        ("password: x # no part of it", "x"),
        ("{password: x}", "x"),
        ("password: &a x\n    b: *a", "x"),
        ("password: |\n      x\n    b: 1", "x\n"),
        ("password: !!str 7\n    b: 1", "7"),
        ("password: two\n      lines\n    b: 1", "two lines"),
    ];
    let mut unencrypted = Vec::new();
    for (yaml, secret) in cases {
        let text = format!("wmi:\n  config:\n    {yaml}\n    username: alice\n");
        let text = if yaml.starts_with('{') { format!("wmi:\n  config:\n    {yaml}\n") } else { text };
        let Ok(reading) = read(&text) else { panic!("{yaml}: {:?}", read(&text)) };
        let found = |config: &LocalConfig| {
            let Some(Node::Secret(Sensitive::Plain(secret, _) | Sensitive::Open(secret))) = config.sections[0]
                .1
                .get("config")
                .and_then(|config| config.get("password").or_else(|| config.get("secret")))
            else {
                panic!("{yaml}: {config:?}")
            };
            secret.expose().clone()
        };
        assert_eq!(found(&reading.config), secret, "{yaml}");
        match reading.encrypted {
            Some(text) => {
                let again = read(text.expose()).expect("a configuration");
                assert!(again.encrypted.is_none(), "{yaml}");
                assert_eq!(found(&again.config), secret, "{yaml}");
            }
            None => {
                assert!(reading.warnings[0].contains("cannot be encrypted"), "{yaml}");
                unencrypted.push(yaml);
            }
        }
    }
    // These work, and stay as they are with a warning.
    assert_eq!(
        unencrypted,
        ["password: &a x\n    b: *a", "password: |\n      x\n    b: 1", "password: !!str 7\n    b: 1"]
    );
}

#[test]
fn a_secret_that_cannot_be_encrypted_leaves_none_of_the_others_readable() {
    let block = |name: &str| format!("{name}:\n  config:\n    password: |\n      left readable\n");
    let text = |name: &str| format!("{name}:\n  config: {{password: hush, secret: 'hush'}}\n");
    let whole = [text("a"), block("b"), text("c"), text("d"), block("e"), "f: {config: {password: hush}}\n".to_owned()];
    let reading = read(&whole.concat()).expect("a configuration");
    let encrypted = reading.encrypted.expect("another text");
    let again = encrypted.expose();
    assert!(!again.contains("hush") && again.matches("left readable").count() == 2, "{again}");
    let told = "a password cannot be encrypted where it stands: write it in quotes on one line";
    assert_eq!(reading.warnings, [format!("line 24: {told}"), format!("line 32: {told}")]);
    // The lines are those of the text that is to stand in the file.
    let second = read(again).expect("a configuration");
    assert_eq!((&second.config, &second.warnings), (&reading.config, &reading.warnings));
    assert!(second.encrypted.is_none());
    assert_eq!(read(&block("a")).expect("a configuration").warnings, [format!("line 4: {told}")]);
}

#[test]
fn a_mark_of_the_encoding_does_not_get_behind_the_header() {
    for text in
        ["wmi: {config: {username: alice, password: hush}}\n".to_owned(), format!("{HEADER}wmi: {{password: hush}}\n")]
    {
        let reading = read(&format!("\u{feff}{text}")).expect("a configuration");
        let encrypted = reading.encrypted.expect("another text");
        assert!(encrypted.expose().starts_with(HEADER) && !encrypted.expose().contains('\u{feff}'));
        assert!(!encrypted.expose().contains("hush"), "{}", encrypted.expose());
        assert_eq!(read(encrypted.expose()).expect("a configuration").config, reading.config);
    }
}

#[test]
fn of_duplicate_keys_the_last_counts() {
    let text = "
wmi: {config: {username: alice, password: a, password: b}, config: {username: bob, password: c, password: d}}
wmi:
  assets: [{id: 1, id: 2, config: {username: carol}}]
  config: {username: dave, password: e, username: erin}
wmi2: {use: x, use: wmi}
";
    assert_eq!(name(text, 2, None).as_deref(), Some("carol"));
    assert_eq!(name(text, 1, Some("wmi2")).as_deref(), Some("erin"));
    let reading = read("wmi: {config: {username: a, password: hush1, password: hush2}}").expect("a configuration");
    let (encrypted, found) =
        (reading.encrypted.expect("a text"), reading.config.account("wmi", 1, None, &mut Vec::new()));
    assert_eq!(found.password, Some(Secret::from("hush2")));
    assert!(!encrypted.expose().contains("hush"), "each is encrypted");
    // What is merged counts less than what is there.
    for own in ["username: alice, <<: *base", "<<: *base, username: alice"] {
        let text = format!("base: &base {{username: bob, kdc_host: kdc}}\nwmi: {{config: {{{own}}}}}\n");
        let (found, _) = account(&text, 1, None);
        assert_eq!((found.username.as_deref(), found.kdc_host.as_deref()), (Some("alice"), Some("kdc")), "{own}");
    }
}

#[test]
fn the_number_of_an_asset_is_read_as_pyyaml_reads_it() {
    for (id, asset) in [("07", 7), ("010", 8), ("[1, 0x10]", 16), ("0b11", 3), ("1_000", 1000), ("+5", 5)] {
        let text = format!("wmi: {{assets: [{{id: {id}, config: {{username: bob}}}}], config: {{username: alice}}}}");
        assert_eq!(name(&text, asset, None).as_deref(), Some("bob"), "{id}");
        assert_eq!(read(&text).expect("a configuration").warnings, [""; 0], "{id}");
    }
    for id in ["'7'", "08", "7.0", "[7, x]", "~", "{}"] {
        let text = format!("wmi: {{assets: [{{id: 1}}, {{id: {id}}}]}}");
        let told = "section `wmi`, entry 2 of its assets: `id` is neither a number nor a list of numbers";
        assert_eq!(read(&text).expect("a configuration").warnings, [told], "{id}");
    }
}

#[test]
fn what_pyyaml_takes_ends_no_file_either() {
    let texts = [
        "other: {a: .inf, b: -.INF, c: .nan}",
        "other: {a: 2020-01-01, b: 190:20:30, c: 0.}",
        "other: {a: !!set {b, c}, d: !!omap [e: 1], f: !!int \"3\"}",
        "1.5: {}\ntrue: {}\n3: {}\n'3': {}\n!!binary aGk=: {}\n<<: {other: {}}",
        "other: 99999999999999999999999",
    ];
    for text in texts {
        let text = format!("{text}\nwmi: {{config: {{username: alice}}}}\n");
        assert_eq!(name(&text, 1, None).as_deref(), Some("alice"), "{text}");
    }
}

#[test]
fn a_key_that_is_nothing_ends_no_file() {
    for key in ["~", "null", "? ~\n  "] {
        let text = format!("other:\n  {key}: {{password: hush}}\nwmi: {{config: {{username: alice}}}}\n");
        assert_eq!(name(&text, 1, None).as_deref(), Some("alice"), "{key}");
        let encrypted = read(&text).expect("a configuration").encrypted.expect("another text");
        assert!(!encrypted.expose().contains("hush"), "{key}");
    }
}

#[test]
fn an_empty_file_configures_nothing() {
    for text in ["", "# nothing\n", HEADER] {
        let reading = read(text).expect("a configuration");
        assert_eq!(reading.config.sections, []);
        assert!(reading.encrypted.is_none());
    }
}

#[test]
fn what_is_no_configuration_is_told_without_its_secrets() {
    let texts = ["wmi: {config: {password: hush", "- 1", "wmi: [hush: : :", "wmi: \"hush", "a: *hush"];
    for text in texts {
        let error = read(text).expect_err(text);
        assert!(!error.to_string().contains("hush"), "{error}");
        assert!(!format!("{error:?}").contains("hush"), "{error:?}");
    }
}

#[test]
fn a_token_of_another_key_is_told() {
    let other = Key::parse("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=").expect("a key");
    let token = other.encrypt(b"x", Duration::ZERO, [0; 16]);
    let error = read(&format!("wmi: {{config: {{password: {{encrypted: {token}}}}}}}")).expect_err("no secret");
    assert_eq!(error, LocalError::Secret(crate::fernet::FernetError::Signature));
}

#[test]
fn secrets_are_not_printed() {
    let reading = read("wmi: {config: {username: alice, password: hush}}").expect("a configuration");
    let printed = format!("{reading:?} {:?}", reading.config.account("wmi", 1, None, &mut Vec::new()));
    assert!(printed.contains("alice") && !printed.contains("hush"), "{printed}");
}

#[test]
fn a_password_that_is_a_list_or_a_map_is_told_with_its_place() {
    let text = "
wmi:
  config: {username: a, password: [x], secret: {y: z}}
  assets:
  - {id: 1, config: {username: b, password: fine}}
  - {id: 2, config: {username: c, password: {is: not encrypted}}}
secret:
  config: {username: d}
";
    let warnings = read(text).expect("a configuration").warnings;
    let rest = "and no text: it is not used, and stays readable in the file";
    assert_eq!(
        warnings,
        [
            format!("section `wmi`: `password` is a list {rest}"),
            format!("section `wmi`: `secret` is a map {rest}"),
            format!("section `wmi`, entry 2 of its assets: `password` is a map {rest}"),
        ]
    );
    assert_eq!(account(text, 2, None).0.password, None);
}

#[test]
fn a_secret_whose_octets_are_no_text_is_refused_without_a_word_of_it() {
    let token = key().encrypt(&[0xff, 0xfe, 0xfd, 0xfc], Duration::from_secs(1_700_000_000), [7; 16]);
    let token = base64::engine::general_purpose::STANDARD.encode(token);
    let text = format!("wmi: {{config: {{username: a, password: {{encrypted: !!binary \"{token}\"}}}}}}");
    let error = read(&text).expect_err("its octets are no UTF-8");
    assert_eq!(error, LocalError::Secret(crate::fernet::FernetError::Format));
    assert!(!format!("{error:?} {error}").contains("fffe"), "nothing of it is said");
}
