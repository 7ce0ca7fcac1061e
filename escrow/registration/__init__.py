"""不动产登记：首次登记（分幢）与转移登记（分户）的登簿事实。

Event: a first or a transfer registration is made known. Actors: title registration, or two officers by hand.
Articles: 晋房屋登记清零办发〔2023〕3号 第三部分“五是”; 昌州自然资发〔2022〕196号 二（二）3. Imports: projects, access.
"""
