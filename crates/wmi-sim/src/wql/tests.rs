use proptest::prelude::*;
use wmi_proto::cim::{CimType, CimValue};

use super::*;

/// A record with one property of each kind that compares in its own way.
struct Row(Vec<CimValue>);

const COLUMNS: [(&str, CimType, bool); 12] = [
    ("Name", CimType::STRING, false),
    ("Small", CimType::SINT8, false),
    ("Large", CimType::UINT64, false),
    ("Ratio", CimType::REAL64, false),
    ("Single", CimType::REAL32, false),
    ("Started", CimType::BOOLEAN, false),
    ("When", CimType::DATETIME, false),
    ("Link", CimType::REFERENCE, false),
    ("Letter", CimType::CHAR16, false),
    ("Tags", CimType::STRING, true),
    ("Inner", CimType::OBJECT, false),
    ("Nothing", CimType::SINT32, false),
];

fn row() -> Row {
    Row(vec![
        CimValue::String("C:\\Windows\\Café_50%".into()),
        CimValue::Sint8(-5),
        CimValue::Uint64(u64::MAX),
        CimValue::Real64(2.5),
        CimValue::Real32(0.1),
        CimValue::Boolean(true),
        CimValue::DateTime("20250601120000.000000+060".into()),
        CimValue::Reference("\\\\SIM\\root\\cimv2:X.Name=\"a\"".into()),
        CimValue::Char16(0x41),
        CimValue::Array(vec![CimValue::String("a".into())]),
        CimValue::Null,
        CimValue::Null,
    ])
}

impl Record for Row {
    fn property(&self, index: usize) -> &CimValue {
        &self.0[index]
    }

    fn system(&self, system: System) -> CimValue {
        match system {
            System::Class => CimValue::String("Win32_Service".into()),
            System::Genus => CimValue::Sint32(2),
            _ => CimValue::Null,
        }
    }

    fn is_a(&self, class: &str) -> bool {
        same_name(class, "CIM_Service")
    }
}

fn resolve(name: &str) -> Option<Column> {
    let property = COLUMNS.iter().enumerate().find(|(_, column)| column.0.eq_ignore_ascii_case(name));
    property
        .map(|(index, &(_, cim_type, array))| Column::Property { index, cim_type, array })
        .or_else(|| System::named(name).map(Column::System))
}

/// Whether the row satisfies the condition; `None` when the query is invalid.
fn holds(condition: &str) -> Option<bool> {
    let select = parse(&format!("SELECT * FROM X WHERE {condition}")).ok()?;
    let filter = Filter::new(&select.condition.expect("a condition"), &resolve).ok()?;
    Some(filter.holds(&row()))
}

#[track_caller]
fn all(expected: Option<bool>, conditions: &[&str]) {
    for condition in conditions {
        assert_eq!(holds(condition), expected, "{condition}");
    }
}

#[test]
fn the_parts_of_a_statement_are_read() {
    let select = parse("select Name , State\r\n\tFrom Win32_Service wHeRe Started = True").expect("valid");
    assert_eq!(select.columns, Some(vec!["Name".to_owned(), "State".to_owned()]));
    assert_eq!(select.class, "Win32_Service");
    let condition = Condition::Compare {
        property: "Started".to_owned(),
        operator: Operator::Equal,
        constant: Constant::Boolean(true),
    };
    assert_eq!(select.condition, Some(condition));
    assert_eq!(
        parse("SELECT*FROM X").expect("valid"),
        Select { columns: None, class: "X".to_owned(), condition: None }
    );
}

#[test]
fn what_is_not_a_statement_is_invalid() {
    for text in [
        "",
        "   ",
        "SELECT",
        "SELECT *",
        "SELECT * FROM",
        "SELECT FROM X",
        "SELECT , FROM X",
        "SELECT A, FROM X",
        "SELECT A B FROM X",
        "SELECT *, A FROM X",
        "SELECT COUNT(*) FROM X",
        "SELECT * FROM X;",
        "SELECT * FROM X Y",
        "SELECT * FROM X WHERE",
        "SELECT * FROM X WHERE A",
        "SELECT * FROM X WHERE A =",
        "SELECT * FROM X WHERE A = B",
        "SELECT * FROM X WHERE A == 1",
        "SELECT * FROM X WHERE A => 1",
        "SELECT * FROM X WHERE = 1",
        "SELECT * FROM X WHERE 1 = 1",
        "SELECT * FROM X WHERE (A = 1",
        "SELECT * FROM X WHERE A = 1)",
        "SELECT * FROM X WHERE ()",
        "SELECT * FROM X WHERE A = 1 AND",
        "SELECT * FROM X WHERE AND A = 1",
        "SELECT * FROM X WHERE A = 'x",
        "SELECT * FROM X WHERE A = \"x'",
        "SELECT * FROM X WHERE A = 'C:\\Windows'",
        "SELECT * FROM X WHERE A LIKE",
        "SELECT * FROM X WHERE A LIKE 1",
        "SELECT * FROM X WHERE A NOT LIKE 'x'",
        "SELECT * FROM X WHERE A IS 1",
        "SELECT * FROM X WHERE A IS NOT",
        "SELECT * FROM X WHERE A < NULL",
        "SELECT * FROM X WHERE A = 0x10",
        "SELECT * FROM X WHERE A = 1e",
        "SELECT * FROM X WHERE A = -",
        "SELECT * FROM X WHERE A = .",
        "SELECT * FROM X WHERE A = 999999999999999999999999999999999999999999",
        "SELECT * FROM X WHERE A = 1 ORDER BY A",
        "SELECT * FROM X WITHIN 10",
        "SELECT * FROM root\\cimv2:X",
        "SELECT A.B FROM X",
        "ASSOCIATORS OF {X.Name='a'}",
        "REFERENCES OF {X.Name='a'}",
        "DELETE FROM X",
        "SELECT * FROM X -- comment",
        "SELECT \0 FROM X",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
}

#[test]
fn nesting_and_length_have_limits() {
    let nested = |depth: usize| format!("SELECT * FROM X WHERE {}A = 1{}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(&nested(64)).is_ok());
    assert!(parse(&nested(65)).is_err());
    assert!(parse(&nested(20_000)).is_err());
    assert!(parse(&format!("SELECT * FROM X WHERE {}A = 1", "NOT ".repeat(10_000))).is_err());
    assert!(parse(&format!("SELECT * FROM X WHERE A = 1{}", " OR A = 1".repeat(5_000))).is_ok());
    assert!(parse(&format!("SELECT * FROM X WHERE A = '{}'", "a".repeat(70_000))).is_err());
}

#[test]
fn not_binds_before_and_and_before_or() {
    all(Some(true), &["Small = -5 OR Small = 1 AND Small = 2", "NOT Small = 1 AND Small = -5", "NOT NOT Small = -5"]);
    all(Some(false), &["(Small = -5 OR Small = 1) AND Small = 2", "NOT (Small = 1 OR Small = -5)"]);
}

#[test]
fn numbers_compare_by_value_whatever_their_width() {
    all(
        Some(true),
        &[
            "Small = -5",
            "Small < 0",
            "Small >= -5",
            "Small <> 200",
            "Small > -5.5",
            "Small = '-5'",
            "-6 < Small",
            "-6 <= Small",
            "0 > Small",
            "-5 = Small",
            "Large = 18446744073709551615",
            "Large > -1",
            "Large = \"18446744073709551615\"",
            "Large < 18446744073709551616",
            "Ratio = 2.5",
            "Ratio > 2",
            "Ratio = 25e-1",
            "Ratio = '2.5'",
            "Single = 0.1",
            "Single != 0.1001",
            "Letter = 65",
            "Letter = 'A'",
            "Letter >= +65",
        ],
    );
    all(
        Some(false),
        &["Small > 0", "Large = -1", "Large < 18446744073709551615", "Ratio <> 2.5", "Letter = 'a'", "Small = 251"],
    );
    all(None, &["Small = 'five'", "Small = TRUE", "Ratio = 'x'", "Letter = 'AB'", "Small = ''"]);
}

#[test]
fn text_compares_without_its_case() {
    all(
        Some(true),
        &[
            "Name = 'c:\\\\WINDOWS\\\\CAFÉ_50%'",
            "Name > 'c:\\\\windows'",
            "Name < \"D\"",
            "Name <> 'x'",
            "'D' > Name",
            "name = \"C:\\\\Windows\\\\Café_50%\"",
            "Name != 5",
        ],
    );
    all(Some(false), &["Name = 'C:'", "Name < 'a'"]);
    all(None, &["Name = TRUE"]);
}

#[test]
fn booleans_are_equal_or_not() {
    all(Some(true), &["Started = TRUE", "Started <> false", "Started = 1", "Started = 'true'", "TRUE = Started"]);
    all(Some(false), &["Started = FALSE", "Started = 0"]);
    all(None, &["Started > FALSE", "Started = 'yes'", "Started = 1.5"]);
}

#[test]
fn dates_compare_by_time_and_not_by_text() {
    all(
        Some(true),
        &[
            "When = '20250601110000.000000+000'",
            "When < '20250601110000.000001+000'",
            "When > '20250601125959.000000+120'",
            "When <> '20250601120000.000000+000'",
        ],
    );
    all(Some(false), &["When > '20250601113000.000000+000'", "When = '20250601******.000000+060'"]);
    all(Some(false), &["When < '00000001000000.000000:000'", "When > '00000001000000.000000:000'"]);
    all(None, &["When = 'yesterday'", "When > 20250601"]);
}

#[test]
fn null_is_neither_equal_nor_unequal() {
    all(Some(true), &["Nothing IS NULL", "Nothing = NULL", "Small IS NOT NULL", "Small <> NULL", "Inner IS NULL"]);
    all(Some(true), &["NOT Nothing = 1", "Tags IS NOT NULL"]);
    all(
        Some(false),
        &["Nothing = 0", "Nothing <> 0", "Nothing < 1", "Nothing > -1", "Nothing IS NOT NULL", "Small IS NULL"],
    );
}

#[test]
fn operators_that_a_type_does_not_have_are_invalid() {
    all(None, &["Tags = 'a'", "Tags LIKE 'a'", "Inner = 'a'", "Link > 'a'", "Small LIKE '5%'", "When LIKE '2025%'"]);
    all(Some(true), &["Link = '\\\\\\\\sim\\\\ROOT\\\\cimv2:x.name=\\\"A\\\"'", "Small LIKE '-5'"]);
    all(None, &["Unknown = 1", "Unknown IS NULL", "Name ISA 'X'"]);
}

#[test]
fn system_properties_can_be_asked_for() {
    all(Some(true), &["__CLASS = 'win32_service'", "__Class = Win32_Service", "__GENUS = 2", "__CLASS LIKE 'Win32%'"]);
    all(Some(true), &["__this ISA 'CIM_Service'", "__THIS ISA cim_service", "__SUPERCLASS IS NULL"]);
    all(Some(false), &["__this ISA 'CIM_Process'", "__CLASS = CIM_Service"]);
    all(None, &["__this = 'x'", "__NOSUCH = 1"]);
}

#[test]
fn like_has_the_wildcards_of_the_specification() {
    all(
        Some(true),
        &[
            "Name LIKE '%'",
            "Name LIKE 'c:%'",
            "Name LIKE '%café%'",
            "Name LIKE '%%%50[%]'",
            "Name LIKE '%Caf[é]_50_'",
            "Name LIKE '%[_]50%'",
            "Name LIKE '[a-d]:%'",
            "Name LIKE '[a=d]:%'",
            "Name LIKE '[^d-z]:%'",
            "Name LIKE '[xyc]:%'",
            "Name LIKE 'C:\\\\Windows%'",
            "Name LIKE 'C:\\Windows%'",
            "Name LIKE '%w%n%d%o%w%s%'",
            "Name LIKE '_:%'",
        ],
    );
    all(
        Some(false),
        &[
            "Name LIKE ''",
            "Name LIKE 'C:'",
            "Name LIKE '%Windows'",
            "Name LIKE '[^c]:%'",
            "Name LIKE '[d-z]:%'",
            "Name LIKE '%[[]%'",
            "Name LIKE '[]%'",
            "NOT Name LIKE '%'",
        ],
    );
    all(None, &["Name LIKE '[a-d'", "Name LIKE 'x[^'"]);
}

#[test]
fn brackets_can_hold_their_own_signs() {
    use super::like::Pattern;
    let matches = |pattern: &str, text: &str| Pattern::new(pattern).expect("valid").matches(text);
    assert!(matches("[^]", "^"));
    assert!(matches("[a-]", "-") && matches("[a-]", "a") && matches("[a=]", "="));
    assert!(matches("[a^]", "^"));
    assert!(matches("[^ad-f]", "b") && !matches("[^ad-f]", "e") && !matches("[^ad-f]", ""));
    assert!(!matches("[]", "") && !matches("[]", "]"));
    assert!(matches("", "") && matches("%", "") && matches("%%", ""));
    assert!(!matches("_", "") && !matches("a%b", "a") && matches("a%b", "aXbYb"));
}

#[test]
fn a_pattern_of_many_wildcards_is_not_slow() {
    let pattern = like::Pattern::new(&"%a".repeat(500)).expect("valid");
    assert!(!pattern.matches(&format!("{}b", "a".repeat(5_000))));
}

/// Texts that come close to being a query.
fn nearly_wql() -> impl Strategy<Value = String> {
    const PIECES: [&str; 42] = [
        "SELECT",
        "FROM",
        "WHERE",
        "*",
        ",",
        "(",
        ")",
        "AND",
        "OR",
        "NOT",
        "LIKE",
        "IS",
        "NULL",
        "ISA",
        "TRUE",
        "=",
        "<>",
        "!=",
        "<",
        ">",
        "<=",
        ">=",
        "!",
        "'a'",
        "\"b\\\"\"",
        "'",
        "\"",
        "\\",
        "-1",
        "18446744073709551616",
        "1.5e3",
        ".",
        "e",
        "[a-",
        "'%[a-f]_'",
        "'['",
        "Name",
        "__CLASS",
        "Small",
        "é",
        "\0",
        " ",
    ];
    let piece = prop_oneof![8 => prop::sample::select(&PIECES[..]).prop_map(str::to_owned), 1 => any::<String>()];
    (any::<bool>(), prop::collection::vec(piece, 0..24)).prop_map(|(statement, pieces)| {
        let tail = pieces.join(" ");
        if statement { format!("SELECT * FROM X WHERE {tail}") } else { tail }
    })
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in nearly_wql()) {
        if let Ok(Select { condition: Some(condition), .. }) = parse(&text)
            && let Ok(filter) = Filter::new(&condition, &resolve)
        {
            filter.holds(&row());
        }
    }

    #[test]
    fn no_octets_make_it_panic(text in any::<String>()) {
        let _ = parse(&text);
        let _ = like::Pattern::new(&text).map(|pattern| pattern.matches(&text));
    }

    #[test]
    fn a_quoted_string_reads_back(text in any::<String>()) {
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        let select = parse(&format!("SELECT * FROM X WHERE A = \"{quoted}\"")).expect("valid");
        let condition = Condition::Compare {
            property: "A".to_owned(), operator: Operator::Equal, constant: Constant::Text(text),
        };
        prop_assert_eq!(select.condition, Some(condition));
    }

    #[test]
    fn a_text_is_like_itself(text in "[^\\[\\]%_]*", before in 0..4_usize) {
        let at = text.char_indices().nth(before).map_or(text.len(), |(at, _)| at);
        let matches = |pattern: &str| like::Pattern::new(pattern).expect("valid").matches(&text.to_uppercase());
        // Some letters have more than one character in upper case.
        prop_assume!(text.to_uppercase().to_lowercase() == text.to_lowercase());
        prop_assert!(matches(&text));
        let (head, tail) = text.split_at(at);
        let (starts, ends) = (format!("{head}%"), format!("%{tail}"));
        prop_assert!(matches(&starts));
        prop_assert!(matches(&ends));
    }

    #[test]
    fn integers_compare_as_numbers(constant in any::<i64>(), value in any::<i8>()) {
        struct One(CimValue);
        impl Record for One {
            fn property(&self, _: usize) -> &CimValue { &self.0 }
            fn system(&self, _: System) -> CimValue { CimValue::Null }
            fn is_a(&self, _: &str) -> bool { false }
        }
        let select = parse(&format!("SELECT * FROM X WHERE Small < {constant}")).expect("valid");
        let filter = Filter::new(&select.condition.expect("a condition"), &resolve).expect("valid");
        prop_assert_eq!(filter.holds(&One(CimValue::Sint8(value))), i64::from(value) < constant);
    }
}
