//! Values and limits that all users of a queue share.

use super::*;

properties! {
    async fn a_shared_value_lasts_for_its_time(s) {
        assert_eq!(s.queue.get("media/1").await.expect("get"), None);
        let value = Bytes::from(vec![0, 58, 255]);
        s.queue.set("media/1", value.clone(), MINUTE).await.expect("set");
        assert_eq!(s.queue.get("media/1").await.expect("get"), Some(value));
        s.clock.advance(MINUTE + SECOND);
        assert_eq!(s.queue.get("media/1").await.expect("get"), None);
    }

    async fn a_shared_value_can_be_replaced_and_removed(s) {
        for value in ["one", "two"] {
            s.queue.set("name", value.into(), MINUTE).await.expect("set");
            assert_eq!(s.queue.get("name").await.expect("get").as_deref(), Some(value.as_bytes()));
        }
        s.queue.set("name", Bytes::new(), MINUTE).await.expect("set");
        assert_eq!(s.queue.get("name").await.expect("get"), None);
    }

    async fn a_limit_grants_so_many_per_period(s) {
        let ask = || async { s.queue.limit("sends", 4, SECOND * 4).await.expect("limit") };
        for _ in 0..4 {
            assert_eq!(ask().await, Duration::ZERO);
        }
        assert_eq!(ask().await, SECOND);
        assert_eq!(ask().await, SECOND, "asking costs nothing");
        s.clock.advance(SECOND);
        assert_eq!(ask().await, Duration::ZERO);
        assert_eq!(ask().await, SECOND);
        s.clock.advance(MINUTE);
        for _ in 0..4 {
            assert_eq!(ask().await, Duration::ZERO, "no more than a period's are saved up");
        }
        assert_eq!(ask().await, SECOND);
        assert_eq!(s.queue.limit("other", 4, SECOND * 4).await.expect("limit"), Duration::ZERO);
        assert_eq!(s.queue.limit("many", u32::MAX, SECOND).await.expect("limit"), Duration::ZERO);
    }

    async fn names_that_can_not_be_used_are_refused(s) {
        for name in [String::new(), "x".repeat(crate::NAME_MAX_BYTES + 1)] {
            let refused = [
                s.queue.get(&name).await.map(|_| ()),
                s.queue.set(&name, "x".into(), MINUTE).await,
                s.queue.limit(&name, 1, MINUTE).await.map(|_| ()),
            ];
            for result in refused {
                assert!(matches!(&result, Err(QueueError::Invalid(what)) if what.contains("name")), "{result:?}");
            }
        }
    }
}
