package sim

// Everybody and everything in a simulated centre is made up. The telephone
// numbers end in 555-0100 to 555-0199, which belong to nobody.

var givenNames = []string{
	"Ada", "Amir", "Anneli", "Aroha", "Beatriz", "Bo", "Carla", "Chidi", "Dafne", "Deniz",
	"Eino", "Elif", "Esther", "Farah", "Gil", "Greta", "Hana", "Henrik", "Ines", "Ivo",
	"Jamal", "Jana", "Kaito", "Karin", "Lars", "Leila", "Malik", "Mira", "Nadia", "Noel",
	"Oona", "Otto", "Paola", "Petra", "Quentin", "Rafael", "Rosa", "Sanna", "Simon", "Tariq",
	"Thea", "Ugo", "Uma", "Vera", "Viktor", "Wanda", "Xenia", "Yara", "Yusuf", "Zoe",
}

var familyNames = []string{
	"Ahola", "Almeida", "Baptiste", "Bergqvist", "Castellan", "Cermak", "Danjuma", "Delacroix", "Ekholm", "Esposito",
	"Fairweather", "Ferreira", "Galanis", "Grunwald", "Haapala", "Hollis", "Ibarra", "Ivanova", "Jansen", "Jokinen",
	"Kaminski", "Kettunen", "Laurent", "Lindqvist", "Marchetti", "Mbeki", "Nakamura", "Nygaard", "Okafor", "Oyelaran",
	"Palmgren", "Petrosyan", "Quiroga", "Raskolnik", "Rinne", "Saarela", "Silvestri", "Takeda", "Tuominen", "Uribe",
	"Valtonen", "Vandermeer", "Whitlock", "Wieland", "Yamada", "Yilmaz", "Zanetti", "Zeller", "Abernathy", "Brightwater",
}

var siteNames = []string{
	"Harbour", "Ridge", "Meadow", "Orchard", "Canal", "Summit", "Quarry", "Lagoon", "Prairie", "Foundry",
	"Juniper", "Lantern", "Mosaic", "Northgate", "Osprey", "Pinewood", "Redstone", "Saltmarsh", "Tideway", "Umber",
	"Verdant", "Windmill", "Yarrow", "Zenith", "Amber",
}

// pause is a reason not to be ready, an item of a list that an administrator made.
type pause struct {
	list, item, name string
	median           int64
}

var (
	lunch    = &pause{"801", "1720", "Lunch", 30 * minute}
	rest     = &pause{"801", "1721", "Short break", 12 * minute}
	meeting  = &pause{"801", "1722", "Team meeting", 20 * minute}
	training = &pause{"801", "1723", "Training", 25 * minute}
	coaching = &pause{"801", "1724", "Coaching", 10 * minute}
	personal = &pause{"801", "1725", "Personal", 4 * minute}
	missed   = &pause{"802", "1801", "Missed a call", 40 * second}
)

// topic is something that customers get in touch about.
type topic struct{ code, name, business, node string }

var topics = []topic{
	{"PAYBILL", "Pay a bill", "BILLING_PAYMENT", "billing_menu"},
	{"BILLQ", "Question about a bill", "BILLING_QUESTION", "billing_menu"},
	{"NOSIGNAL", "No connection", "TECH_OUTAGE", "technical_menu"},
	{"SLOWNET", "Slow connection", "TECH_SPEED", "technical_menu"},
	{"UPGRADE", "Change the plan", "SALES_UPGRADE", "sales_menu"},
	{"NEWLINE", "Order a new line", "SALES_NEW", "sales_menu"},
	{"CANCEL", "Cancel the contract", "RETENTION", "retention_menu"},
	{"ADDRESS", "Change of address", "ACCOUNT_ADDRESS", "account_menu"},
	{"ORDERST", "Where is my order", "ORDER_STATUS", "order_status"},
	{"RETURNS", "Send something back", "ORDER_RETURN", "order_status"},
}

var agentPhrases = []string{
	"Thank you for calling, my name is on your screen in a moment. How can I help you today?",
	"Let me open your account, that takes me a few seconds.",
	"Could you tell me the number that is printed at the top of your last bill?",
	"I see the order here, it left our warehouse the day before yesterday.",
	"That should not have happened, I am sorry about it.",
	"I can take that charge off your next bill, would that be all right for you?",
	"Please switch the box off and wait ten seconds before you switch it on again.",
	"I have sent you a message with a link, it should be there by now.",
	"Just to be sure that I have understood you: you would like to keep the number?",
	"One moment please, I am asking a colleague who knows this better than I do.",
	"The technician can come on Thursday between eight and twelve, does that suit you?",
	"I have noted everything down, so you will not have to explain it again.",
	"Is there anything else that I can do for you today?",
	"Your new plan begins on the first of next month and costs the same.",
	"I am looking at the line now, and I can see that it drops every few minutes.",
	"You will get a confirmation by e-mail within the hour.",
}

var customerPhrases = []string{
	"Hello, I have been waiting for a parcel for more than a week now.",
	"My internet goes down every evening at about the same time.",
	"No, I have already tried that, and it made no difference at all.",
	"Yes, that is right.",
	"The amount on my bill is higher than what we agreed on in the spring.",
	"Could you please repeat that, it was hard to hear you.",
	"I would like to speak about my contract, it ends in two months.",
	"That would be wonderful, thank you.",
	"I moved house in March and the letters still go to the old address.",
	"The light on the front is red, and it blinks.",
	"I was told last time that somebody would call me back, and nobody did.",
	"How long will that take, roughly?",
	"All right, then let us do it like that.",
	"It is the second number on the letter, the one that ends with seven four.",
	"Thank you very much, you have been a great help.",
	"I have the receipt here, the date is the fourteenth.",
}

var botPhrases = []string{
	"Welcome! I am the virtual assistant. What can I do for you?",
	"I found this answer for you. Did it help?",
	"I am connecting you with one of my human colleagues now.",
}

var dispositions = []struct{ code, name string }{
	{"1000", "Settled"}, {"1001", "Settled, follow up by mail"}, {"1002", "Passed on"}, {"1003", "Customer calls again"},
	{"1004", "Sale"}, {"1005", "No sale"}, {"1006", "Wrong number"}, {"1007", "Complaint"},
}
