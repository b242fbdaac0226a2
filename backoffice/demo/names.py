"""Names by language, and organisations by country."""


def _words(text: str) -> list[str]:
    return text.split()


FIRST_NAMES = {
    "fr": _words(
        "Adèle Agathe Alexandre Alice Amélie Antoine Arthur Aurélie Baptiste Benoît Camille Céline Chloé "
        "Clémence Damien Élise Élodie Émile Étienne Fabien Florence Gabriel Geneviève Guillaume Inès Jade "
        "Jérôme Jules Justine Laurence Léa Léo Louise Lucas Manon Margaux Marion Mathilde Maxime Nathalie "
        "Noémie Olivier Pascale Paul Pauline Quentin Raphaël Rémi Romane Sébastien Simon Sylvie Théo Thomas "
        "Valérie Victor Vincent Yasmine Zoé"
    ),
    "en": _words(
        "Abigail Aisha Andrew Angela Arjun Beatrice Benjamin Caleb Charlotte Claire Connor Dana Edward "
        "Eleanor Ethan Fiona Grace Hannah Harriet Henry Isla Jack Jasmine Joanne Kenji Laura Liam Maya Mei "
        "Michael Nadia Naomi Nathan Nora Oliver Omar Owen Patrick Rachel Rosa Ruth Samuel Sean Simone Stella "
        "Thomas Vivian Wesley William Zara"
    ),
    "de": _words("Anja Britta Florian Jonas Katrin Lukas Miriam Stefan"),
    "es": _words("Álvaro Carmen Elena Javier Lucía Marta Nuria Pablo"),
    "it": _words("Alessia Chiara Davide Federica Lorenzo Matteo Paola Silvia"),
}
LAST_NAMES = {
    "QC": _words(
        "Beaulieu Bergeron Bouchard Boucher Cloutier Côté Desjardins Fortin Fournier Gagné Gauthier Girard "
        "Lapointe Lavoie Leblanc Lévesque Morin Ouellet Pelletier Poirier Poulin Simard Thibault Tremblay "
        "Vachon"
    ),
    "fr": _words(
        "Aubert Barbier Baudry Blanchard Bonnet Bourgeois Brun Carlier Chevalier Colin Delaunay Dumas Dupuis "
        "Faure Fontaine Garnier Guérin Hamel Jacquet Lacroix Lambert Legrand Lemoine Maillard Marchand Masson "
        "Mercier Meunier Moreau Noël Perret Picard Prévost Renaud Rivière Rolland Rousseau Royer Sauvage "
        "Tessier Vasseur Vidal"
    ),
    "en": _words(
        "Abbott Ahmed Barrett Bennett Campbell Carter Chan Clarke Connolly Dhillon Douglas Ellis Fraser "
        "Gallagher Grant Harper Hughes Ibrahim Johnston Kaur Kelly Lawson MacDonald Marsh McLeod Mitchell "
        "Morrison Murphy Nguyen Okoye Parsons Patel Quinn Reid Robertson Singh Sinclair Stewart Sutherland "
        "Takahashi Walsh Wong Wright Young"
    ),
    "de": _words("Becker Hoffmann Keller Lehmann Neumann Schäfer Vogel Winkler"),
    "es": _words("Campos Delgado Fuentes Herrera Molina Navarro Ortega Serrano"),
    "it": _words("Barbieri Conti Ferrara Gallo Marini Ricci Rinaldi Villa"),
}
ORGANISATIONS = {
    "CA": [
        ("Bibliothèque du Plateau", "biblioplateau.example"),
        ("Harbour Street Books", "harbourstreet.example"),
        ("Collège Sainte-Rive", "sainterive.example"),
        ("Prairie Credit Union", "prairiecu.example"),
        ("North Shore Clinic", "northshoreclinic.example"),
        ("Café Deux Rives", "deuxrives.example"),
        ("Lakehead Engineering", "lakehead-eng.example"),
        ("Théâtre de la Lanterne", "lanterne.example"),
    ],
    "US": [("Green Mountain Co-op", "greenmountain.example"), ("Pike & Rowan LLP", "pikerowan.example")],
    "GB": [("Columbia Road Studio", "columbiaroad.example")],
    "FR": [
        ("Atelier Bleu Nuit", "bleunuit.example"),
        ("Agence Contrechamp", "contrechamp.example"),
        ("Les Éditions du Quai", "editionsduquai.example"),
        ("Mariages & Cie", "mariagesetcie.example"),
        ("Studio Grand Angle", "grandangle.example"),
        ("Maison Delcourt", "maisondelcourt.example"),
    ],
    "BE": [("Photo Gilles SRL", "photogilles.example"), ("Kiosque & Fils", "kiosque.example")],
    "DE": [("Lichtbild Werkstatt GmbH", "lichtbild.example")],
    "CH": [("Lémanique Images SA", "lemanique.example")],
}
MAIL_DOMAINS = {
    "fr": ["courriel.example", "postebleue.example", "lettre.example", "example.org"],
    "en": ["mailbox.example", "example.net", "fastpost.example", "example.com"],
}
