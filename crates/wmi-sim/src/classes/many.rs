//! Rows that are made when they are asked for.

use wmi_proto::cim::{CimDateTime, CimTimestamp, CimValue};

use crate::repository::class::Row;

/// Row `index` of `Sim_Many`: every value follows from the index, and NULLs, empty values and extremes come and go.
pub(super) fn many(index: usize, row: &mut Row<'_>) {
    let id = u32::try_from(index).unwrap_or(u32::MAX);
    let text = |text: String| CimValue::String(text.into());
    row.set("Id", CimValue::Uint32(id));
    row.set("Name", text(format!("row {id:05}")));
    row.set(
        "Comment",
        match id % 7 {
            3 => CimValue::Null,
            4 => text(String::new()),
            5 => text("Ä".repeat(index % 40)),
            6 => text("長い".repeat(index % 20)),
            _ => text("comment ".repeat(index % 12)),
        },
    );
    row.set("Even", CimValue::Boolean(id.is_multiple_of(2)));
    row.set("Balance", CimValue::Sint32((id as i32).wrapping_mul(-7_919)));
    row.set("Bytes", CimValue::Uint64(if id % 17 == 16 { u64::MAX } else { u64::from(id) * 4_294_967_291 }));
    row.set("Ratio", if id % 19 == 18 { CimValue::Null } else { CimValue::Real64(f64::from(id) / 8.0 - 1.0) });
    // One row per minute from 2025-01-01 in a zone that is half an hour off.
    let micros = (1_735_689_600 + i64::from(id) * 60) * 1_000_000 + i64::from(id % 1_000);
    row.set(
        "Changed",
        CimTimestamp::from_unix_micros(micros, 330)
            .map_or(CimValue::Null, |changed| CimDateTime::Timestamp(changed).into()),
    );
    row.set("Port", CimValue::Uint16((id % 65_536) as u16));
    row.set("Level", if id % 11 == 10 { CimValue::Null } else { CimValue::Sint8((id % 256) as u8 as i8) });
    row.set(
        "Parts",
        match id % 13 {
            12 => CimValue::Null,
            _ => CimValue::Array((0..id % 4).map(|part| CimValue::Uint32(id.wrapping_sub(part))).collect()),
        },
    );
    let tags = ["red", "größer", "緑", ""].into_iter().cycle().skip(index % 4).take(index % 3);
    row.set("Tags", CimValue::Array(tags.map(|tag| CimValue::String(tag.into())).collect()));
}

/// Row `index` of `Sim_Wide`.
pub(super) fn wide(index: usize, row: &mut Row<'_>) {
    let id = u32::try_from(index).unwrap_or(u32::MAX);
    let text = |text: String| CimValue::String(text.into());
    row.set("Id", CimValue::Uint32(id.wrapping_add(1)));
    row.set("Name", text(format!("process{id}.exe")));
    row.set("Caption", text(format!("process{id}.exe")));
    row.set("Description", text(format!("Simulated process number {id}")));
    row.set("Path", text(format!("C:\\Program Files\\Sim\\process{id}.exe")));
    row.set("CommandLine", text(format!("\"C:\\Program Files\\Sim\\process{id}.exe\" --id={id}")));
    row.set("State", text("OK".to_owned()));
    row.set("Origin", CimValue::Reference(format!("Sim_Many.Id={id}").into()));
    let micros = (1_735_689_600 + i64::from(id)) * 1_000_000;
    row.set(
        "Started",
        CimTimestamp::from_unix_micros(micros, 60)
            .map_or(CimValue::Null, |started| CimDateTime::Timestamp(started).into()),
    );
    row.set("ProcessId", CimValue::Uint32(id.wrapping_mul(4) | 1));
    row.set("ParentProcessId", CimValue::Uint32(4));
    row.set("ThreadCount", CimValue::Uint32(id % 30 + 1));
    row.set("HandleCount", CimValue::Uint32(id.wrapping_mul(7) % 5_000 + 1));
    row.set("WorkingSetSize", CimValue::Uint64((1 << 33) + u64::from(id) * 4_096));
    row.set("KernelTime", CimValue::Uint64(u64::from(id) * 156_250 + 1));
    row.set("UserTime", CimValue::Uint64(u64::from(id) * 312_500 + 1));
    row.set("SessionId", CimValue::Uint16((id % 100 + 1) as u16));
    row.set("Priority", CimValue::Uint8((id % 32 + 1) as u8));
    row.set("Balance", CimValue::Sint32(-7 - (id % 1_000_000) as i32));
    row.set("Offset", CimValue::Sint64(-1 - i64::from(id)));
}

/// Row `index` of `Sim_Slow` and `Sim_Silent`.
pub(super) fn slow(index: usize, row: &mut Row<'_>) {
    let id = u32::try_from(index).unwrap_or(u32::MAX);
    row.set("Id", CimValue::Uint32(id));
    row.set("Name", CimValue::String(format!("slow {id}").into()));
}
