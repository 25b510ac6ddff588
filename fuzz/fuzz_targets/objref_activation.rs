#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| wmi_testkit::oracles::dcom::objref_activation(&data.to_vec().into()));
