#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| wmi_testkit::oracles::infrasonar::local_config(data));
