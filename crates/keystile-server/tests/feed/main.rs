//! The revocation feed over real TCP, on both engines. What takes minutes is shown by `prove feed` and `prove held`.

#![forbid(unsafe_code)]
#![expect(
    clippy::disallowed_methods,
    reason = "how long real processes take is what is waited for"
)]

mod database;
mod ends;
mod node;
mod order;
mod place;
mod reading;
mod refused;
mod resume;
mod storm;

/// Runs each test on each engine, under the engine's name.
macro_rules! on_both {
    ($($module:ident { $($test:ident,)* })*) => {
        mod sqlite {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    crate::$module::$test(crate::place::Place::sqlite()).await;
                }
            )*)*
        }
        mod postgres {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    if let Some(place) = crate::place::Place::postgres() {
                        crate::$module::$test(place).await;
                    }
                }
            )*)*
        }
    };
}

on_both! {
    order {
        what_lives_comes_first_and_what_happens_then_follows,
        every_kind_is_told_in_a_token_that_verifies,
        a_long_list_comes_whole,
        each_of_many_readers_is_told_everything,
        what_a_withdrawn_key_signed_is_signed_anew,
    }
    resume {
        a_reader_goes_on_where_it_stopped,
        a_reader_goes_on_at_another_node,
        an_id_that_is_not_ours_brings_everything,
        an_id_from_the_future_brings_everything,
        a_restored_database_is_another_history,
    }
    refused {
        only_a_clients_token_with_the_scope_is_let_in,
        there_is_an_end_to_readers,
    }
    storm {
        each_of_a_clients_many_sessions_ends_and_is_told,
    }
    ends {
        a_stream_ends_with_its_token,
        a_stream_ends_with_the_revocation_of_its_token,
        a_stream_ends_with_the_server,
        whoever_does_not_read_holds_nobody_up,
    }
}
