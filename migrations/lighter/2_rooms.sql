-- What may not change is looked at when a statement would change it, not at each payment (只在改到时查).
DROP TRIGGER stands ON public.payment_notice;
CREATE TRIGGER stands BEFORE UPDATE OF id, notice_no, contract_id, version, payment_kind, source, amount, due_on,
    issued_at ON public.payment_notice FOR EACH ROW
    EXECUTE FUNCTION public.stands('id', 'notice_no', 'contract_id', 'version', 'payment_kind', 'source', 'amount',
                                   'due_on', 'issued_at');
DROP TRIGGER answer_stands ON public.answered_request;
CREATE TRIGGER answer_stands BEFORE UPDATE ON public.answered_request FOR EACH ROW
    WHEN (OLD.answer IS NOT NULL) EXECUTE FUNCTION public.answer_stands();
CREATE TRIGGER claim_stands BEFORE UPDATE OF key, fingerprint ON public.answered_request FOR EACH ROW
    EXECUTE FUNCTION public.answer_stands();

-- The same words, as one constant instead of one for each.
ALTER TABLE public.payment_notice
    DROP CONSTRAINT ck_payment_notice_payment_kind,
    DROP CONSTRAINT ck_payment_notice_source,
    ADD CONSTRAINT ck_payment_notice_payment_kind
        CHECK (payment_kind = ANY ('{earnest,down,instalment,loan,final,full}'::text[])),
    ADD CONSTRAINT ck_payment_notice_source CHECK (source = ANY ('{own,loan,provident_fund}'::text[]));
ALTER TABLE public.receipt
    DROP CONSTRAINT ck_receipt_channel,
    ADD CONSTRAINT ck_receipt_channel
        CHECK (channel = ANY ('{counter,pos,transfer,online,loan,provident_fund}'::text[]));
ALTER TABLE public.audit_event
    DROP CONSTRAINT ck_audit_event_actor_kind,
    DROP CONSTRAINT ck_audit_event_result,
    ADD CONSTRAINT ck_audit_event_actor_kind
        CHECK (actor_kind = ANY ('{officer,client,system,nobody}'::text[])),
    ADD CONSTRAINT ck_audit_event_result CHECK (result = ANY ('{done,refused}'::text[]));
ALTER TABLE public.deposit_check
    DROP CONSTRAINT ck_deposit_check_decision,
    ADD CONSTRAINT ck_deposit_check_decision CHECK (decision = ANY ('{pass,fail}'::text[]));
