//! Promises of every background job.

use std::{collections::BTreeSet, time::Duration};

use metadata_api::jobs;

use crate::support::fixture::Fixture;

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
    let fixture = Fixture::new().await;
    fixture.member().await;
    let before = fixture.fingerprint(&[]).await;
    for _ in 0..2 {
        let (mut one, mut two) = (jobs::all(), jobs::all());
        tokio::join!(fixture.work(&mut one), fixture.work(&mut two));
        assert_eq!(fixture.fingerprint(&[]).await, before);
    }
}

/// Without any table, every job fails, whatever it reads.
#[tokio::test]
async fn a_failed_round_is_made_up_for_by_the_next_one() {
    let fixture = Fixture::new().await;
    let mut all = jobs::all();
    let rename = async |from: &str, to: &str| {
        let statement = format!("ALTER SCHEMA {from} RENAME TO {to}");
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&fixture.admin).await.unwrap();
    };
    rename("app", "away").await;
    for job in &mut all {
        assert!(job.round(&fixture.job_context()).await.is_err(), "{}", job.name());
    }
    rename("away", "app").await;
    fixture.work(&mut all).await;
}
