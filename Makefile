# 两条命令：make run 启动整套系统，make test 运行全部测试。其余见 README。
# Settings come from the environment: PORT, ESCROW_DATA, DATABASE_URL, CELERY_BROKER_URL, PG_BIN.
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3; do command -v $$name && break; done)

.PHONY: run backup restore test check model faults bench
run backup restore test check model faults bench:
	@$(if $(PYTHON),$(PYTHON),$(error 缺少 Python 3.11，请先安装：apt-get install -y python3)) config/prepare.py $@ $(ARGS)
