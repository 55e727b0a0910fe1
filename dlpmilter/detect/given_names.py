# SPDX-License-Identifier: Apache-2.0
"""Common given names, common surnames, short forms, words that are no name. Data, never code.

Given names only tell which of two words is the surname and keep a shared given name from counting as
the same person; a name missing here costs nothing but certainty.
"""

from __future__ import annotations

GIVEN = frozenset(
    "adam ahmet alex alexander alexandra ali alina alice amelie amir ana andre andrea andreas angela angelika anita anja anke ann anna "
    "anne annette annika anton antonia arne astrid axel barbara bastian beate ben benjamin bernd bernhard bettina bianca birgit bjoern "
    "britta brigitte carina carla carlos carmen carola caroline carolin carsten catherine charlotte chris christa christian christiane "
    "christina christine christoph christopher clara claudia claus cornelia dagmar daniel daniela david dennis detlef diana dieter dirk "
    "dominik doris eckhard edith elena elisabeth elke emil emily emma eric erik erika eva fabian fatma felix finn florian frank "
    "franziska franz frauke friedrich gabi gabriele georg gerd gerhard gerda gisela giulia greta guenter guenther gudrun hanna hannah "
    "hannes hans harald hartmut heike heiko heinrich heinz helen helena helga helmut hendrik henning henry herbert hermann holger horst "
    "ilona ina ines inga ingo ingrid irene iris isabel isabell jacob jakob james jan jana janine jasmin jeanette jennifer jens jessica "
    "joachim johann johanna johannes john jonas jonathan jorge jose josef joseph joshua juan julia julian juergen jutta kai karen karin "
    "karina karl karsten katharina kathrin katja katrin kerstin kevin kirsten klaus konrad kristin kristina kurt lara lars laura lea "
    "lena leo leon leonie linda lisa louis luca lucas luis luisa lukas lutz lydia magdalena maike maja manfred manuel manuela marc "
    "marcel marco marcus margit maria marianne marie marina mario marion mark markus marlene marta martha martin martina mary mathias "
    "matthew matthias max maximilian mehmet meike melanie mia michael michaela michel miguel mike miriam mohamed mohammed monika moritz "
    "mustafa nadine natalie nele nico nicolas nicole niklas nils nina norbert olaf ole oliver olivia otto pascal patricia patrick paul "
    "paula peter petra philip philipp pia pierre rainer ralf ralph ramona raphael rebecca regina reiner renate rene richard rita robert "
    "robin roland rolf roman ronny rosa rosemarie rudolf ruediger ruth sabine sabrina sam samuel sandra sara sarah sascha sebastian "
    "sibylle siegfried sigrid silke silvia simon simone sofia sonja sophia sophie stefan stefanie steffen stephan stephanie steve steven "
    "susan susanne svea sven svenja sylvia tamara tanja tatjana teresa theo theresa thomas thorsten tim timo tina tobias tom torsten "
    "udo ulf ulla ulli ulrich ulrike ursula ute uwe valentin vanessa vera verena veronika victoria viktor volker walter waltraud werner "
    "wilhelm william wolfgang yasmin yvonne zoe".split()
)

COMMON_SURNAMES = frozenset(
    "mueller schmidt schneider fischer weber meyer maier mayer meier wagner becker schulz hoffmann schaefer koch bauer richter klein "
    "wolf schroeder neumann schwarz zimmermann braun krueger hofmann hartmann lange schmitt werner krause lehmann schulze smith jones "
    "williams brown taylor davies johnson miller wilson moore martin garcia rossi".split()
)
"""Too frequent for the surname alone to mean the same person."""

SHORT_FORMS = {
    "alexander": "alex sascha lex sandro", "alexandra": "alex sandra", "andreas": "andi andy", "andrea": "andi", "anton": "toni",
    "barbara": "babsi baerbel", "benjamin": "ben benni benny", "bernhard": "bernd", "brigitte": "gitte", "catherine": "cathy kate",
    "christian": "chris", "christiane": "chris", "christina": "chris tina", "christine": "chris tine", "christoph": "chris stoffel",
    "christopher": "chris", "daniel": "dani danny", "daniela": "dani", "david": "dave", "dominik": "domi", "edward": "ed eddie ted",
    "elisabeth": "lisa elli sissi liz", "elizabeth": "liz lisa beth betty", "florian": "flo", "franziska": "franzi", "friedrich": "fritz",
    "gabriele": "gabi", "georg": "schorsch", "guenther": "guenni", "hans": "hannes", "heinrich": "heinz heiner", "jakob": "jack",
    "james": "jim jimmy jamie", "jennifer": "jenny jenni", "jessica": "jessi", "joachim": "achim jochen", "johanna": "hanna jo",
    "johannes": "hannes hans jo", "jonathan": "jon joni", "josef": "sepp jupp joe", "joseph": "joe", "juergen": "juergi",
    "karl": "kalle charly", "katharina": "kathi kati katja kate", "kathrin": "kathi kati", "klaus": "klausi", "konstantin": "tino",
    "manfred": "manni", "manuela": "manu", "manuel": "manu", "margarete": "greta grete", "margaret": "maggie peggy", "maria": "mia",
    "martina": "tina", "matthias": "matze matti", "maximilian": "max", "michael": "michi mike micha mick", "michaela": "michi ela",
    "nicholas": "nick", "nicolas": "nico nick", "nicole": "nici nicki", "nikolaus": "niko klaus", "patricia": "patty pat trish",
    "patrick": "pat", "philipp": "phil", "rebecca": "becky becci", "richard": "rick dick ritchie", "robert": "rob bob robbie bobby",
    "rudolf": "rudi", "samuel": "sam", "sebastian": "basti bastian seb", "stefan": "steffen steff", "stefanie": "steffi",
    "stephan": "steffen steph", "stephanie": "steffi", "susanne": "susi sanne", "theodor": "theo", "theresa": "resi", "thomas": "tom tommy",
    "thorsten": "totti", "tobias": "tobi", "ulrich": "uli ulli", "ulrike": "uli ulli rike", "ursula": "uschi ulla", "valentin": "vali",
    "veronika": "vroni", "viktoria": "vicky", "victoria": "vicky", "waltraud": "traudl", "wilhelm": "willi willy", "william": "will bill billy",
    "wolfgang": "wolf wolle",
}  # fmt: skip

NOT_A_NAME = frozenset(
    # roles and functions
    "info office sales kontakt contact service support team mail post postmaster hostmaster webmaster admin administrator noreply "
    "no reply donotreply buchhaltung rechnung rechnungen invoice billing accounting finance finanzen einkauf purchasing vertrieb "
    "marketing presse press hr personal personalabteilung jobs karriere career bewerbung empfang reception sekretariat zentrale "
    "verwaltung geschaeftsfuehrung gf it edv helpdesk hotline scanner scan drucker printer fax kopierer copier system server monitoring "
    "alert alerts newsletter news shop bestellung order orders versand logistik lager praxis kanzlei hotel restaurant verein "
    "datenschutz compliance legal recht security sicherheit empfaenger kunde kunden customer client partner projekt project test demo "
    "home private privat family familie fam online web internet webmail email e der die das und and of the group gruppe abteilung "
    "department dept gmbh ag kg ohg ug mbh co inc ltd llc corp company firma "
    # titles and particles
    "dr prof professor dipl ing med jur phd mba msc bsc ma ba herr frau mr mrs ms miss sir jun jr sen sr von van vom zu zur zum den de "
    "del della di da la le el al du des dos ten ter bin ibn mac mc st extern external ext intern via".split()
)
