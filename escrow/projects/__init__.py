"""楼盘登记：开发企业、项目、楼幢、楼盘表与预售许可。

Event: the housing platform registers a project and its units. Actors: platform, officers (read).
Articles: 昌州自然资发〔2022〕196号 二（二）1（1）; 晋房屋登记清零办发〔2023〕3号 第三部分“四是”. Imports no other room but access.
"""
