"""首期维修资金的交存与代缴：到账、预交分户、认领、代缴的归还，以及备案前核对所看的那一笔。

Event: money for houses reaches the fund account; a buyer repays the developer. Actors: banks, filing system,
officers. Articles: 晋房屋登记清零办发〔2023〕3号 第三部分“一是”. Imports: maintenance, contracts, supervision, access.
"""
