"""Access (出入与留痕): who may do what, and who did.

Event:    an officer signs in, a client asks for a token, anybody takes a step.
Actors:   officers (经办、复核、审计、安全管理员) and API clients (银行、住房信息平台、网签、登记).
Articles: GB/T 22239-2019 8.1.4 (身份鉴别、访问控制、安全审计), 个人信息保护法 §51.
Imports:  config only; every other room imports from here, and this room from none of them.
"""
