"""Sentences of many kinds and lengths, drawn from a small grammar: for sentence embedders."""
import random
import re

WORDS = {
    "person": """my neighbour|the head nurse|Doctor Alvarez|a retired teacher|our new colleague|
        the goalkeeper|Maria|Mr Okafor|the youngest of the three sisters|a freelance photographer|
        the minister of finance|Professor Lindqvist|the bus driver|an experienced climber|
        the landlord|his grandmother|the violinist|a customer from Osaka|the security team|
        Captain Brandt""",
    "people": """the engineers|local farmers|both candidates|the children next door|
        several tourists|the volunteers|investors|the board members|thousands of fans|
        the nurses on the night shift|students from abroad|the neighbours""",
    "thing": """a leather suitcase|the red bicycle|an old laptop|the broken dishwasher|
        a wool blanket|the kitchen knife|two concert tickets|a jar of honey|the spare key|
        a second-hand microscope|a bunch of tulips|the guitar with four strings|
        an electric kettle|a loaf of rye bread|the quarterly report|a waterproof jacket|
        a chess set|the projector""",
    "place": """in the harbour of Rotterdam|at the corner shop|near the old cathedral|
        on platform nine|behind the school|in a small village in the Andes|at the airport|
        under the bridge|in downtown Nairobi|on the third floor|by the lake|
        outside the court house|in the emergency room|at the botanical garden|
        on the night train to Vienna|in the server room""",
    "time": """yesterday evening|last summer|before dawn|on Tuesday|during the storm|in 1987|
        twice a week|after lunch|next month|for almost an hour|over the holidays|
        every second Friday|shortly after midnight|since the beginning of March""",
    "did": """lost|bought|repaired|sold|borrowed|photographed|hid|returned|inherited|painted|
        ordered|forgot|stole|donated|described|cleaned|found|carried""",
    "city": """Lisbon|Montreal|Kyoto|Cape Town|Warsaw|Lima|Melbourne|Istanbul|Hanoi|Reykjavik|
        Chicago""",
    "field": """marine biology|contract law|medieval history|organic chemistry|
        machine translation|urban planning|astronomy|veterinary medicine|monetary policy|
        structural engineering""",
    "illness": """a migraine|high blood pressure|a sprained ankle|pneumonia|a peanut allergy|
        insomnia|a slipped disc|type 2 diabetes|seasonal flu""",
    "food": """lentil soup|grilled salmon|an apple pie|mushroom risotto|pickled cucumbers|
        lamb curry|rice noodles|blueberry pancakes|goat cheese|dark chocolate""",
    "animal": """a stray cat|the grey wolf|an octopus|two herons|the neighbour's terrier|
        a swarm of bees|the last white rhino|a baby elephant|a family of hedgehogs|the horse""",
    "feeling": """exhausted|furious|surprisingly calm|deeply moved|a little jealous|proud|
        embarrassed|hopeful|bored to tears|relieved|suspicious""",
    "quality": """far too expensive|remarkably quiet|worth every cent|out of date|
        easy to assemble|smaller than it looks|hard to clean|astonishingly accurate|
        rather fragile|comfortable""",
    "tech": """the database|a recursive function|the compiler|an encrypted connection|
        the login page|a memory leak|the neural network|the backup script|
        version 3.2 of the library|the sensor|a race condition|the graphics driver""",
    "fails": """crashes without a message|returns null|takes forty seconds to respond|
        is slower than before|rejects valid passwords|runs out of memory|
        ignores the configuration file|passes all tests|prints the wrong date""",
    "sport": """the semi-final|a friendly match|the marathon|the downhill race|the relay|
        the chess olympiad|the opening game""",
    "event": """interest rates rose by half a percent|the bridge was closed for repairs|
        a new vaccine was approved|oil prices fell sharply|the volcano erupted again|
        voters rejected the proposal|the museum reopened|two airlines agreed to merge|
        the strike ended without a deal|a comet became visible to the naked eye|
        the river burst its banks""",
    "law": """the right to a fair trial|a tax on sugar|freedom of the press|equal pay|
        the import of timber|data protection|noise at night|the minimum wage""",
    "number": """two|three|seven|twelve|forty|about a hundred|nearly 2,500|1.3 million|a few|
        dozens of""",
    "measure": "kilometres|litres|metres|tonnes|degrees|pages|kilowatt hours",
    "weather": """It is pouring with rain|The fog is lifting|A warm wind blows from the south|
        It snowed all night|The sky is perfectly clear|Hail damaged the vineyards""",
}

TEMPLATES = """
{person} {did} {thing} {place} {time}.
{weather} {place}, so {people} stayed at home.
Why has {person} never {did} {thing}?
How do I get from {city} to {city} without flying?
What is the best treatment for {illness}?
{person} was {feeling} when {event}.
{event}, and {people} were {feeling}.
According to the newspaper, {event} {time}.
Add {number} spoons of flour, stir well, and serve with {food}.
My favourite dish is {food}, but {person} prefers {food}.
I would like to cancel my order: {thing} is {quality}.
The reviews say that {thing} is {quality}, yet {people} bought it anyway.
{tech} {fails} whenever {tech} is updated.
Can anybody explain why {tech} {fails}?
She studied {field} in {city} before she turned to {field}.
The lecture on {field} was {quality}.
{animal} was seen {place} {time}.
Have you ever watched {animal} eat {food}?
{people} won {sport} against {people} by {number} points.
{person} fell during {sport} and was taken to hospital with {illness}.
The parliament of the region debated {law} for {number} hours.
Critics argue that {law} matters more than {law}.
It takes {number} {measure} to fill it; nobody knows why.
"Please be quiet," whispered {person}, "{animal} is asleep {place}."
Yes.
Not {time}, thank you!
{thing}, {thing} and {food}: that is all {person} packed.
If {event}, then {people} will lose {number} euros.
Nobody {place} had heard that {event}.
{person} taught {field} {place}; later {people} {did} {thing}, which made {person} {feeling}.
""".strip().splitlines()


def draw(count, seed):
    """`count` different sentences; the same ones for the same seed."""
    chooser = random.Random(seed)
    lists = {kind: [" ".join(word.split()) for word in words.split("|")]
             for kind, words in WORDS.items()}
    found = {}
    while len(found) < count:
        # Templates in turn, so that few sentences are of many kinds too.
        template = TEMPLATES[len(found) % len(TEMPLATES)]
        text = re.sub(r"\{(\w+)\}", lambda kind: chooser.choice(lists[kind[1]]), template)
        if text in found or len(found) >= len(TEMPLATES) and "{" not in template:
            text = f"{chooser.choice(lists['person'])} {chooser.choice(lists['did'])} " \
                   f"{chooser.choice(lists['thing'])}."
        found[text[0].upper() + text[1:]] = None
    return list(found)
