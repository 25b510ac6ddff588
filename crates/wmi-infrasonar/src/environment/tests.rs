use super::*;
use crate::fernet::FernetError;

fn read(variables: &[(&str, &str)]) -> Result<Environment, EnvironmentError> {
    Environment::read(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
}

fn with(variables: &[(&str, &str)]) -> Environment {
    read(variables).expect("usable variables")
}

fn refused(variable: &str, value: &str) {
    let error = read(&[(variable, value), ("DRY_RUN", "x")]).expect_err("unusable");
    assert_eq!(error.variable, variable);
    assert!(error.to_string().starts_with(&format!("{variable} is ")), "{error}");
}

#[test]
fn without_variables_everything_is_as_in_the_original() {
    let environment = with(&[]);
    assert_eq!((environment.agentcore_host.as_str(), environment.agentcore_port), ("127.0.0.1", 8750));
    assert_eq!(environment.config_path, "/data/config/infrasonar.yaml");
    assert_eq!((environment.max_package, environment.max_check_timeout), (500_000, Duration::from_secs(300)));
    assert_eq!((environment.dry_run, environment.output_type), (None, OutputType::Json));
    let log = LogSettings { level: Level::Warning, colorized: false, time_format: "%y%m%d %H:%M:%S".to_owned() };
    assert_eq!(environment.log, log);
}

#[test]
fn empty_variables_count_as_missing() {
    assert_eq!(with(&[("AGENTCORE_PORT", ""), ("LOG_LEVEL", "")]).agentcore_port, 8750);
}

#[test]
fn agentcore_host() {
    assert_eq!(with(&[("AGENTCORE_HOST", "agentcore.example")]).agentcore_host, "agentcore.example");
}

#[test]
fn agentcore_port() {
    assert_eq!(with(&[("AGENTCORE_PORT", "9000")]).agentcore_port, 9000);
    ["0", "65536", "x"].iter().for_each(|port| refused("AGENTCORE_PORT", port));
}

#[test]
fn infrasonar_conf() {
    assert_eq!(with(&[("INFRASONAR_CONF", "/etc/x.yaml")]).config_path, "/etc/x.yaml");
}

#[test]
fn encryption_key() {
    let token = with(&[]).key.encrypt(b"x", Duration::ZERO, [0; 16]);
    let own = with(&[("ENCRYPTION_KEY", "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=")]);
    assert_eq!(own.key.decrypt(&token).err(), Some(FernetError::Signature));
    refused("ENCRYPTION_KEY", "my key");
    let error = read(&[("ENCRYPTION_KEY", "my key")]).expect_err("no key").to_string();
    assert!(!error.contains("my key"), "{error}");
}

#[test]
fn max_package_size_is_from_1_to_2000_thousand_octets() {
    assert_eq!(with(&[("MAX_PACKAGE_SIZE", "1")]).max_package, 1000);
    assert_eq!(with(&[("MAX_PACKAGE_SIZE", "2000")]).max_package, 2_000_000);
    for size in ["1_000", "+1000", " 01000 "] {
        assert_eq!(with(&[("MAX_PACKAGE_SIZE", size)]).max_package, 1_000_000, "{size}");
    }
    let unusable = ["0", "2001", "-1", "x", "_1", "1_", "1__0", "1.5"];
    unusable.iter().for_each(|size| refused("MAX_PACKAGE_SIZE", size));
}

#[test]
fn max_check_timeout() {
    assert_eq!(with(&[("MAX_CHECK_TIMEOUT", "2.5")]).max_check_timeout, Duration::from_millis(2500));
    for timeout in ["inf", "Infinity", "+inf", "1e300"] {
        assert_eq!(with(&[("MAX_CHECK_TIMEOUT", timeout)]).max_check_timeout, Duration::MAX, "{timeout}");
    }
    for (text, seconds) in [("1_0.5", 10.5), ("1e2", 100.0), (".5", 0.5), ("5.", 5.0)] {
        assert_eq!(with(&[("MAX_CHECK_TIMEOUT", text)]).max_check_timeout.as_secs_f64(), seconds, "{text}");
    }
    let unusable = ["0", "-1", "-inf", "nan", "x", "1_.5"];
    unusable.iter().for_each(|timeout| refused("MAX_CHECK_TIMEOUT", timeout));
}

#[test]
fn dry_run() {
    assert_eq!(with(&[("DRY_RUN", "x.yaml")]).dry_run.as_deref(), Some("x.yaml"));
}

#[test]
fn output_type_counts_in_a_dry_run() {
    assert_eq!(with(&[("DRY_RUN", "x"), ("OUTPUT_TYPE", "pprint")]).output_type, OutputType::Pprint);
    assert_eq!(with(&[("DRY_RUN", "x"), ("OUTPUT_TYPE", "Json")]).output_type, OutputType::Json);
    refused("OUTPUT_TYPE", "xml");
    assert_eq!(with(&[("OUTPUT_TYPE", "xml")]).output_type, OutputType::Json);
}

#[test]
fn log_level() {
    for (text, level) in [("debug", Level::Debug), ("INFO", Level::Info), ("Critical", Level::Critical)] {
        assert_eq!(with(&[("LOG_LEVEL", text)]).log.level, level);
    }
    refused("LOG_LEVEL", "loud");
}

#[test]
fn log_colorized() {
    assert!(with(&[("LOG_COLORIZED", "1")]).log.colorized);
    refused("LOG_COLORIZED", "yes");
}

#[test]
fn log_fmt() {
    assert_eq!(with(&[("LOG_FMT", "%H:%M")]).log.time_format, "%H:%M");
}
