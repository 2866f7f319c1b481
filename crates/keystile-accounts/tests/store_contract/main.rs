//! Every promise of the store, on every engine.
//!
//! A promise is a function that takes a [`fixture::Database`] and knows no engine; the list below runs it on each. What is
//! particular to one engine (files, locks, groups) is in that engine's own module.

mod account;
mod anew;
mod audit;
mod caller;
mod chain;
mod client;
mod exchange;
mod fixture;
mod issuer;
mod key;
mod limit;
mod meeting;
mod only_postgres;
mod only_sqlite;
mod password;
mod race;
mod revocation;
mod session;
mod sweep;

/// Runs each promise on each engine; the tests are named by the engine, what it is about, and the promise.
macro_rules! promises {
    ($($module:ident { $($promise:ident,)* })*) => {
        mod sqlite {
            $(mod $module {
                $(
                    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                    async fn $promise() {
                        crate::$module::$promise(&crate::fixture::Database::sqlite()).await;
                    }
                )*
            })*
        }
        mod postgres {
            $(mod $module {
                $(
                    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                    async fn $promise() {
                        if let Some(database) = crate::fixture::Database::postgres() {
                            crate::$module::$promise(&database).await;
                        }
                    }
                )*
            })*
        }
    };
}

promises! {
    account {
        names_are_unique_by_their_key,
        a_refused_change_changes_nothing,
        sequence_ids_never_come_again,
        a_reused_id_begins_above_what_is_revoked,
        pages_show_all_once_in_order_of_creation,
        filters_hold_together,
        names_change_only_while_the_password_is_the_expected_one,
        a_role_change_raises_the_generation_and_ends_no_session,
        disabling_ends_all_and_enabling_revives_nothing,
        deletion_ends_all_and_forgets_places,
    }
    anew {
        nothing_that_was_handed_out_is_good_any_more,
        what_is_trusted_goes_on,
        it_holds_against_whoever_is_at_work,
    }
    audit {
        a_row_for_each_act_and_none_for_a_refused_one,
        pages_go_back_in_time,
    }
    caller {
        every_write_rechecks_the_session,
        every_write_rechecks_the_role,
    }
    chain {
        a_token_is_consumed_once_and_repeated_within_the_grace,
        the_grace_ends_with_time,
        the_grace_ends_with_the_use_of_the_successor,
        without_a_grace_any_repetition_is_reuse,
        reuse_ends_the_session_once,
        an_ended_an_expired_and_an_unknown_token_are_told_apart,
        another_clients_token_is_unknown,
        the_absolute_limit_is_never_moved,
        a_rotation_sees_the_roles_of_its_moment,
        everything_holds_after_a_restart,
        what_a_session_went_beyond_is_told,
        a_refusal_is_written_once_for_each_session,
    }
    client {
        names_are_unique_and_a_refused_one_changes_nothing,
        it_is_found_by_id_and_by_name_and_listed_in_order,
        its_end_is_the_end_of_its_tokens_and_sessions,
        no_session_is_opened_for_one_that_is_gone,
        openings_that_meet_its_end_leave_no_session,
        who_came_by_it_can_delete_it,
        whose_a_refresh_token_is,
        after_a_restore_its_earlier_tokens_are_over,
    }
    exchange {
        a_foreign_token_opens_one_session,
        twenty_at_once_open_one_session,
        what_it_can_be_for_is_decided_with_it,
        what_ends_the_sessions_ends_it_too,
        it_is_remembered_until_it_has_expired,
    }
    issuer {
        all_who_ask_at_once_agree_on_one,
        it_is_replaced_only_as_it_was_seen,
    }
    key {
        all_who_ask_at_once_get_one_signing_key,
        a_key_goes_from_published_to_signing_to_retired_to_gone,
        one_key_at_a_time_is_the_next,
        one_look_at_the_keys_makes_one_step,
        steps_that_meet_leave_one_key_signing,
        a_sealed_form_replaces_the_one_that_was_read,
        the_use_of_a_key_is_counted_by_its_sessions,
        a_withdrawn_key_is_revoked,
        a_shared_secret_is_the_first_one,
    }
    limit {
        counters_count_within_their_window,
        simultaneous_attempts_are_all_counted,
        attempts_under_way_count_as_failures_would,
        a_crowd_gets_no_more_failures_than_one_in_turn,
        what_is_never_settled_lapses,
        what_lapsed_takes_nobody_elses_place_with_it,
        a_hold_is_given_back_in_its_own_period,
        a_clock_set_back_locks_nobody_out,
        a_window_may_end_while_attempts_are_under_way,
        success_forgets,
        an_attempt_meets_a_success,
    }
    password {
        a_replaced_hash_must_be_the_old_one,
        formats_are_counted,
        ones_own_change_keeps_this_session_with_a_new_pair,
        an_administrators_change_ends_all,
    }
    race {
        fifty_at_once_give_one_successor,
        losers_that_wait_for_the_winner_get_its_successor,
        sign_ins_at_once_keep_to_the_limit,
        what_ends_a_session_excludes_its_rotation,
        what_raises_the_generation_excludes_opening,
        a_role_change_is_seen_by_the_rotation_after_it,
        names_race_to_one_owner,
        a_repetition_meets_the_use_of_the_successor,
    }
    revocation {
        rows_come_in_order_and_once,
        a_row_lasts_as_long_as_any_process_signs,
        a_snapshot_goes_on_where_it_ends,
        the_process_is_told_before_the_answer,
        nothing_new_is_below_what_was_whole,
    }
    session {
        opening_needs_the_generation_that_was_read,
        living_sessions_are_listed_newest_first,
        one_session_ends_alone,
        others_end_without_a_new_generation,
        signing_out_everywhere_raises_the_generation,
        a_refresh_token_ends_its_session,
        pages_show_each_session_once,
        a_token_names_its_session,
        beyond_the_limit_the_longest_unused_ends,
    }
    sweep {
        salts_are_erased_when_the_grace_is_over,
        what_has_had_its_time_goes_and_the_rest_stays,
        counters_are_bounded,
        an_attempt_under_way_is_not_swept_away,
    }
}
