-- What the running service may do: it connects as the role houfu_app. History is only ever added to:
-- that role has no update and no delete on journals, movements, line changes, messages, assessments, policies and facts.
-- Where the migrating user may not create roles, the service runs as that user and `houfu doctor` says so.

do $$
begin
    if not exists (select from pg_roles where rolname = 'houfu_app') then
        create role houfu_app nologin;
    end if;
exception
    when duplicate_object or unique_violation then null;  -- another database of this server made it meanwhile
    when insufficient_privilege then raise notice 'role houfu_app cannot be created by this user';
end
$$;

do $$
begin
    if exists (select from pg_roles where rolname = 'houfu_app') then
        grant usage on schema public to houfu_app;
        grant select on all tables in schema public to houfu_app;
        grant insert on
            api_keys, idempotency, sandbox_clock,
            message_boxes, messages,
            calendar_versions,
            books, journals, balances,
            stores, store_metrics, store_facts, bank_accounts,
            facilities, allocations,
            policy_versions, policy_publications, policy_trials, assessments, shadow_decisions,
            assessment_runs, referrals, reviews,
            lines, layers, line_changes, authorizations, movements,
            withdrawals, store_months, fee_disputes, withdrawal_redatings,
            payout_batches, payout_files, bank_reports, simulated_bank_files,
            reconciled_rails, bank_statements, bank_lines, line_matches, breaks, break_moves,
            withdrawal_days, withdrawal_days_of_all
            to houfu_app;
        grant update on
            sandbox_clock, message_boxes, books, balances, stores, bank_accounts, facilities, allocations, lines,
            assessment_runs, referrals, reviews, authorizations, withdrawals,
            payout_batches, payout_files, bank_reports,
            reconciled_rails, breaks,
            withdrawal_days, withdrawal_days_of_all, report_refreshes
            to houfu_app;
        grant update (revoked_at) on api_keys to houfu_app;
        grant update (approved_by, started_at, ended_by, ended_at) on policy_trials to houfu_app;
        grant delete on idempotency, allocations to houfu_app;
    end if;
end
$$;
