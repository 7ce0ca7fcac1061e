"""预售资金监管与维修资金：法的规矩管住账上的钱。Rooms by business event; each room knows one."""
