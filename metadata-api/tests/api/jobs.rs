//! Promises of every background job.

use std::{collections::BTreeSet, time::Duration};

use metadata_api::jobs;

use crate::stage::Stage;

#[test]
fn each_job_has_its_own_name_and_pauses() {
    let all = jobs::all();
    let names: BTreeSet<&str> = all.iter().map(|job| job.name()).collect();
    assert_eq!(names.len(), all.len());
    for job in all {
        assert!(
            (Duration::from_secs(1)..=Duration::from_secs(3600)).contains(&job.pause()),
            "{}",
            job.name()
        );
    }
}

#[tokio::test]
async fn a_round_leaves_what_is_in_use_and_two_services_do_no_harm() {
    let stage = Stage::new().await;
    stage.member().await;
    let before = stage.fingerprint(&[]).await;
    for _ in 0..2 {
        let (mut one, mut two) = (jobs::all(), jobs::all());
        tokio::join!(stage.work(&mut one), stage.work(&mut two));
        assert_eq!(stage.fingerprint(&[]).await, before);
    }
}

#[tokio::test]
async fn a_failed_round_is_made_up_for_by_the_next_one() {
    let stage = Stage::new().await;
    let mut all = jobs::all();
    let rename = async |from: &str, to: &str| {
        let statement = format!("ALTER TABLE app.{from} RENAME TO {to}");
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&stage.admin).await.unwrap();
    };
    for table in ["rate_counter", "failed_sign_in"] {
        rename(table, &format!("{table}_away")).await;
    }
    for job in &mut all {
        assert!(job.round(&stage.state).await.is_err(), "{}", job.name());
    }
    for table in ["rate_counter", "failed_sign_in"] {
        rename(&format!("{table}_away"), table).await;
    }
    stage.work(&mut all).await;
}
