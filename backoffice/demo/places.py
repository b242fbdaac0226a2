"""Where the demonstration's customers live: real towns with their codes, invented house numbers and phone numbers.

Phone patterns are in ranges that exist; where a country keeps numbers for fiction, they are those. `#` is any digit.
"""

from typing import NamedTuple


class Place(NamedTuple):
    """`phones` are patterns of mobile numbers (any number in North America), `landlines` of fixed lines."""

    country: str
    region: str
    city: str
    postal_code: str
    streets: tuple[str, ...]
    phones: tuple[str, ...]
    landlines: tuple[str, ...] = ()


QUEBEC = [
    Place(
        "CA", "QC", "Montréal", "H2J 2K9", ("{n} rue Saint-Denis", "{n} avenue du Mont-Royal Est"), ("+1514555014#",)
    ),
    Place("CA", "QC", "Montréal", "H3B 1A7", ("{n} rue Sainte-Catherine Ouest", "{n} rue Peel"), ("+1438555012#",)),
    Place("CA", "QC", "Québec", "G1R 4P5", ("{n} rue Saint-Jean", "{n} côte de la Fabrique"), ("+1418555016#",)),
    Place("CA", "QC", "Laval", "H7N 5Y7", ("{n} boulevard des Laurentides",), ("+1450555013#",)),
    Place("CA", "QC", "Gatineau", "J8X 2K1", ("{n} promenade du Portage", "{n} rue Eddy"), ("+1819555011#",)),
    Place("CA", "QC", "Sherbrooke", "J1H 1Z6", ("{n} rue King Ouest", "{n} rue Wellington Nord"), ("+1819555017#",)),
    Place("CA", "QC", "Trois-Rivières", "G9A 4J3", ("{n} rue des Forges",), ("+1819555018#",)),
]
CANADA = [
    Place("CA", "ON", "Toronto", "M5V 2T6", ("{n} Queen Street West", "{n} Spadina Avenue"), ("+1416555012#",)),
    Place("CA", "ON", "Toronto", "M4Y 1Z9", ("{n} Church Street", "{n} Jarvis Street"), ("+1647555013#",)),
    Place("CA", "ON", "Ottawa", "K1P 5G4", ("{n} Bank Street", "{n} Sparks Street"), ("+1613555011#",)),
    Place("CA", "ON", "Hamilton", "L8R 2K3", ("{n} James Street North",), ("+1905555014#",)),
    Place("CA", "ON", "Kingston", "K7L 3B1", ("{n} Princess Street",), ("+1613555015#",)),
    Place("CA", "BC", "Vancouver", "V6B 1H7", ("{n} Hastings Street West", "{n} Robson Street"), ("+1604555012#",)),
    Place("CA", "BC", "Victoria", "V8W 1P6", ("{n} Government Street", "{n} Douglas Street"), ("+1250555016#",)),
    Place("CA", "AB", "Calgary", "T2P 1J9", ("{n} 8 Avenue SW", "{n} Stephen Avenue SW"), ("+1403555013#",)),
    Place("CA", "AB", "Edmonton", "T5J 2R7", ("{n} Jasper Avenue",), ("+1780555014#",)),
    Place("CA", "NS", "Halifax", "B3J 1S9", ("{n} Barrington Street",), ("+1902555015#",)),
    Place("CA", "MB", "Winnipeg", "R3C 0V8", ("{n} Portage Avenue",), ("+1204555016#",)),
    Place("CA", "NB", "Moncton", "E1C 1E8", ("{n} Main Street",), ("+1506555017#",)),
]
UNITED_STATES = [
    Place("US", "VT", "Burlington", "05401", ("{n} Church Street", "{n} Pine Street"), ("+1802555012#",)),
    Place("US", "NY", "Brooklyn", "11217", ("{n} Atlantic Avenue", "{n} Bergen Street"), ("+1718555013#",)),
    Place("US", "WA", "Seattle", "98101", ("{n} Pike Street",), ("+1206555014#",)),
    Place("US", "MA", "Somerville", "02144", ("{n} Elm Street",), ("+1617555015#",)),
    Place("US", "OR", "Portland", "97209", ("{n} NW Everett Street",), ("+1503555016#",)),
]
UNITED_KINGDOM = [
    Place(
        "GB", "", "London", "E2 8DD", ("{n} Columbia Road", "{n} Hackney Road"), ("+4479111234##",), ("+44207946###0",)
    ),
    Place("GB", "", "Edinburgh", "EH1 2QB", ("{n} George Street",), ("+4479111256##",), ("+441314960##0",)),
    Place("GB", "", "Bristol", "BS1 4QA", ("{n} Park Street",), ("+4479111278##",), ("+441174960##0",)),
]
AUSTRALIA = [
    Place("AU", "NSW", "Newtown", "2042", ("{n} King Street",), ("+61491570156",), ("+612555012##",)),
    Place("AU", "VIC", "Fitzroy", "3065", ("{n} Brunswick Street",), ("+61491570157",), ("+613555012##",)),
]
FRANCE = [
    Place(
        "FR",
        "",
        "Paris",
        "75011",
        ("{n} rue Oberkampf", "{n} rue de la Roquette"),
        ("+3361998##0#",),
        ("+331990012##",),
    ),
    Place("FR", "", "Paris", "75018", ("{n} rue Lepic", "{n} rue Caulaincourt"), ("+3378244##1#",), ("+331990034##",)),
    Place("FR", "", "Lyon", "69002", ("{n} rue Mercière", "{n} rue Victor-Hugo"), ("+3363310##2#",), ("+334657112##",)),
    Place(
        "FR", "", "Marseille", "13006", ("{n} rue de Rome", "{n} cours Julien"), ("+3362455##3#",), ("+334657134##",)
    ),
    Place("FR", "", "Toulouse", "31000", ("{n} rue d’Alsace-Lorraine",), ("+3368877##4#",), ("+335364912##",)),
    Place(
        "FR", "", "Nantes", "44000", ("{n} rue Crébillon", "{n} quai de la Fosse"), ("+3361244##5#",), ("+332619112##",)
    ),
    Place("FR", "", "Bordeaux", "33000", ("{n} rue Sainte-Catherine",), ("+3377122##6#",), ("+335364934##",)),
    Place(
        "FR", "", "Lille", "59800", ("{n} rue de Béthune", "{n} rue Nationale"), ("+3366590##7#",), ("+333530112##",)
    ),
    Place(
        "FR",
        "",
        "Strasbourg",
        "67000",
        ("{n} Grand’Rue", "{n} quai des Bateliers"),
        ("+3364433##8#",),
        ("+333530134##",),
    ),
    Place("FR", "", "Rennes", "35000", ("{n} rue Le Bastard",), ("+3375566##9#",), ("+332619134##",)),
]
BELGIUM = [
    Place(
        "BE",
        "",
        "Bruxelles",
        "1050",
        ("chaussée d’Ixelles {n}", "rue du Bailli {n}"),
        ("+3245512##0#",),
        ("+322555##1#",),
    ),
    Place("BE", "", "Liège", "4000", ("rue Saint-Gilles {n}",), ("+3245513##2#",), ("+32425550##",)),
]
SWITZERLAND = [
    Place("CH", "", "Genève", "1204", ("rue du Rhône {n}", "rue de Carouge {n}"), ("+4178123##0#",), ("+4122555##1#",)),
    Place("CH", "", "Lausanne", "1003", ("rue de Bourg {n}",), ("+4179234##1#",), ("+4121555##1#",)),
]
LUXEMBOURG = [Place("LU", "", "Luxembourg", "1611", ("{n}, avenue de la Gare",), ("+352621123##0",), ("+352271234##",))]
GERMANY = [
    Place("DE", "", "Berlin", "10119", ("Torstraße {n}", "Kastanienallee {n}"), ("+491713920###",), ("+493023125###",)),
    Place("DE", "", "Köln", "50667", ("Hohe Straße {n}",), ("+491713921###",), ("+4922146690##",)),
]
SPAIN = [
    Place(
        "ES",
        "B",
        "Barcelona",
        "08010",
        ("Carrer de Casp, {n}", "Carrer de Girona, {n}"),
        ("+3461234##0#",),
        ("+3493555##1#",),
    ),
    Place("ES", "M", "Madrid", "28004", ("Calle de Fuencarral, {n}",), ("+3462345##1#",), ("+3491555##1#",)),
]
ITALY = [
    Place("IT", "TO", "Torino", "10123", ("Via Po, {n}", "Via Lagrange, {n}"), ("+39333123##0#",), ("+39011555##1#",))
]
