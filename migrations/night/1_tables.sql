-- When each task last rang and what came of it; one row a task (定时任务近况).
CREATE TABLE task_bell (
    task varchar NOT NULL,
    rung_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    ended_at timestamptz,
    outcome varchar(32),
    handled integer DEFAULT 0 NOT NULL,
    took_ms integer,
    said varchar,
    failures integer DEFAULT 0 NOT NULL,
    CONSTRAINT pk_task_bell PRIMARY KEY (task),
    CONSTRAINT ck_task_bell_outcome CHECK (outcome IN ('done', 'failed')),
    CONSTRAINT ck_task_bell_figures CHECK (handled >= 0 AND took_ms >= 0 AND failures >= 0),
    CONSTRAINT ck_task_bell_ended CHECK ((ended_at IS NULL) = (outcome IS NULL))
);
COMMENT ON COLUMN task_bell.failures IS '连续失败次数，成功一次即归零';

-- The runs that did something or failed (有结果的运行); the others leave only their mark above.
CREATE TABLE task_run (
    id bigint GENERATED ALWAYS AS IDENTITY,
    task varchar NOT NULL,
    subject varchar NOT NULL,
    ended_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    took_ms integer NOT NULL,
    outcome varchar(32) NOT NULL,
    handled integer NOT NULL,
    said varchar,
    CONSTRAINT pk_task_run PRIMARY KEY (id),
    CONSTRAINT ck_task_run_outcome CHECK (outcome IN ('done', 'failed')),
    CONSTRAINT ck_task_run_figures CHECK (handled >= 0 AND took_ms >= 0)
);
CREATE INDEX ix_task_run_task ON task_run (task, id);
CREATE INDEX ix_task_run_ended_at ON task_run (ended_at);
COMMENT ON COLUMN task_run.subject IS '消息所带的编号，没有则为空';

-- What somebody has to see to; raised once while it lasts, cleared when it is over (报警).
CREATE TABLE alarm (
    id bigint GENERATED ALWAYS AS IDENTITY,
    kind varchar(32) NOT NULL,
    subject varchar NOT NULL,
    said varchar NOT NULL,
    place varchar NOT NULL,
    due_on date,
    raised_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    cleared_at timestamptz,
    CONSTRAINT pk_alarm PRIMARY KEY (id),
    CONSTRAINT ck_alarm_alarm_kind CHECK (kind IN (
        'statement-stale', 'order-unknown', 'review-late', 'hold-ending', 'guarantee-ending', 'receipt-late',
        'difference-late', 'delivery-dead', 'year-missing')),
    CONSTRAINT ck_alarm_place CHECK (place ~ '^/')
);
CREATE UNIQUE INDEX uq_alarm_living ON alarm (kind, subject) WHERE cleared_at IS NULL;
CREATE INDEX ix_alarm_kind ON alarm (kind, id);
COMMENT ON COLUMN alarm.place IS '到哪一页去办';
