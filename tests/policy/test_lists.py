# SPDX-License-Identifier: Apache-2.0
"""What the shipped lists promise: mailboxes of access providers by country, and whom they never call private."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dlpmilter.policy.load import load_policy

ISP = Path(__file__).parents[2] / "policies" / "domains" / "isp.list"

COMPANIES = """
facebook.com meta.com dell.com telekom.de telekom.com vodafone.com vodafone.it vodafone.pt siemens.com sap.com bmw.de
bosch.com basf.com bayer.com allianz.de daimler.com volkswagen.de deutschebahn.com dhl.com lufthansa.com microsoft.com
google.com apple.com amazon.com ibm.com oracle.com cisco.com intel.com hp.com nestle.com novartis.com roche.com ubs.com
swisscom.com sunrise.net a1.at magenta.at drei.com omv.com orange.com sfr.com iliad.fr telecomitalia.it fastweb.it
telefonica.com kpn.com vodafoneziggo.com bt.com btconnect.com sky.uk tesco.com waitrose.co.uk john-lewis.co.uk
comcast.com att.com cox.com charter.com go.com rediff.com ionos.com 1und1.de united-internet.de hetzner.com strato.de
ovh.com aruba.it datev.de
""".split()
UNIVERSITIES = """
tum.de lmu.de uni-heidelberg.de rwth-aachen.de kit.edu fu-berlin.de ethz.ch epfl.ch uzh.ch univie.ac.at tuwien.ac.at
sorbonne-universite.fr polimi.it unibo.it uam.es uva.nl uw.edu.pl ox.ac.uk cam.ac.uk mit.edu stanford.edu harvard.edu
""".split()
AUTHORITIES = """
bund.de berlin.de bayern.de stadt-koeln.de elster.de polizei.nrw.de arbeitsagentur.de bundesbank.de bsi.bund.de
bmf.gv.at wien.gv.at admin.ch zh.ch gouv.fr interieur.gouv.fr agenziaentrate.it comune.bologna.it agenciatributaria.es
belastingdienst.nl gov.pl gov.uk hmrc.gov.uk nhs.net irs.gov europa.eu
""".split()


@pytest.mark.parametrize("domain", [*COMPANIES, *UNIVERSITIES, *AUTHORITIES])
def test_companies_universities_and_authorities_are_never_private(domain: str) -> None:
    """Providers' staff, firms, universities and offices are in no list, whatever public lists of free mail say."""
    assert load_policy(None).domains.classify(f"office@{domain}").recipient_class == "unknown"


@pytest.mark.parametrize(
    ("section", "least"),
    [
        ("Germany", 40),
        ("Austria", 15),
        ("Switzerland", 15),
        ("France", 20),
        ("Italy", 20),
        ("Spain", 20),
        ("Netherlands", 20),
        ("Poland", 20),
        ("United Kingdom", 20),
        ("United States", 20),
    ],
)
def test_each_country_has_its_access_providers(section: str, least: int) -> None:
    """Each section holds enough mailboxes, and each line names a provider and what the mailbox came with."""
    text = ISP.read_text(encoding="utf-8")
    block = text[text.index(f"\n# {section}") + 1 :].partition("\n\n")[0].splitlines()[1:]
    assert len(block) >= least
    said = re.compile(r"\S+\s+# .*(: |with mailbox|[Mm]ailbox (with|of))")
    assert [line for line in block if not said.match(line)] == []
