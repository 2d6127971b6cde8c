"""The two companies of a fresh sandbox and the demo app registration. Everything here is invented and fixed.

Workloads with content of their own (mail, calendars, files) decorate a function with `seeder`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from .state import Account, App, Secret, Tenant, World

DEMO_CLIENT_ID = "5d1c3f0e-7a52-4c3e-9b1a-2f64d0c9e001"
DEMO_CLIENT_SECRET = "demo~secret/for+the&sandbox=only"
DEMO_REDIRECT_URIS = [
    "http://localhost/connector/callback",
    "http://localhost/callback",
    "http://127.0.0.1/callback",
    "https://platform.example/oauth/callback",
    "https://platform.example/consent/callback",
]
DEMO_PASSWORD = "Sandbox-2026!"
FABRIKOAST_ID = "7b9d2a64-31c5-4e0f-8a77-0c5e1f3ab001"
NORTHLEAF_ID = "c2f81b90-64ad-4d7b-b3e2-9d40a8c7f002"

Seeder = Callable[[World, Tenant], None]
_seeders: list[Seeder] = []

_HIRED = datetime(2025, 3, 3, 9, tzinfo=UTC)
_LICENCE = {
    "id": "48a80680-7326-48cd-9935-b556b81d3a4e",
    "skuId": "c7df2760-2c81-4ef7-b578-5b5392b571df",
    "skuPartNumber": "ENTERPRISEPREMIUM",
    "servicePlans": [
        {"servicePlanId": "efb87545-963c-4e0d-99df-69c6916d9eb0", "servicePlanName": "EXCHANGE_S_ENTERPRISE",
         "provisioningStatus": "Success", "appliesTo": "User"},
        {"servicePlanId": "5dbe027f-2339-4123-9542-606e4d348a72", "servicePlanName": "SHAREPOINTENTERPRISE",
         "provisioningStatus": "Success", "appliesTo": "User"},
    ],
}  # fmt: skip
_PEOPLE = (
    ("avery.stone", "Avery Stone", "IT Administrator", "IT", "cloud"),
    ("mina.okafor", "Mina Okafor", "Account Manager", "Sales", "cloud"),
    ("luis.brandt", "Luis Brandt", "Support Engineer", "Support", "cloud"),
    ("priya.nair", "Priya Nair", "Finance Lead", "Finance", "cloud"),
    ("jonas.o'hara", "Jonas O'Hara", "Project Manager", "Operations", "cloud"),
    ("sofia.lind", "Sofia Lind", "Former Employee", "Sales", "cloud"),
    ("nomail.kim", "Noa Kim", "Contractor", "Operations", "none"),
    ("onprem.weber", "Otto Weber", "Plant Manager", "Operations", "on_premises"),
    ("office", "Office Mailbox", None, None, "shared"),
)
DISABLED = "sofia.lind"
ADMIN = "avery.stone"
GUEST = "priya.nair"


def seeder(function: Seeder) -> Seeder:
    """Decorator: call this function for every company of a fresh world, after its people exist."""
    _seeders.append(function)
    return function


def seed(world: World) -> None:
    """Fill a cleared world."""
    world.apps[DEMO_CLIENT_ID] = App(
        id=DEMO_CLIENT_ID, name="Platform Connector (demo)", redirect_uris=list(DEMO_REDIRECT_URIS),
        secrets=[Secret("demo", DEMO_CLIENT_SECRET, datetime(2036, 1, 1, tzinfo=UTC))],
        delegated=["User.Read", "User.ReadBasic.All", "Mail.ReadWrite", "Mail.Send", "Calendars.ReadWrite",
                   "Files.ReadWrite.All", "offline_access", "openid", "profile", "email"],
        application=["User.Read.All", "Mail.ReadWrite", "Mail.Send", "Calendars.ReadWrite",
                     "Files.ReadWrite.All"],
        home_tenant=FABRIKOAST_ID,
    )  # fmt: skip
    domains = ["fabrikoast.example", "fabrikoast.onmicrosoft.example"]
    first = add_company(world, FABRIKOAST_ID, "Fabrikoast", domains, 1)
    second = add_company(world, NORTHLEAF_ID, "Northleaf Foods", ["northleaf.example"], 2, "restrictive")
    add_guest(world, first, second, GUEST, 1)
    add_guest(world, second, first, GUEST, 2)


def add_company(
    world: World,
    tenant_id: str,
    name: str,
    domains: list[str],
    number: int,
    consent_policy: Literal["legacy", "restrictive"] = "legacy",
) -> Tenant:
    """A company with its people, a group, a site and what the workloads seed. Ids derive from `number`."""
    tenant = Tenant(id=tenant_id, name=name, domains=domains, consent_policy=consent_policy)
    tenant.licensed_skus.append(_LICENCE)
    world.tenants[tenant_id] = tenant
    for index, (alias, display_name, title, department, mailbox) in enumerate(_PEOPLE, start=1):
        user = _user(f"{number:08x}-0000-4000-8000-{index:012x}", f"{alias}@{domains[0]}", display_name)
        user |= {"jobTitle": title, "department": department, "companyName": name}
        if mailbox in ("none", "on_premises"):
            user["mail"] = None if mailbox == "none" else user["mail"]
        if mailbox == "on_premises":
            user |= {"onPremisesSyncEnabled": True, "onPremisesDomainName": f"corp.{domains[0]}"}
        if mailbox in ("cloud", "on_premises"):
            user["assignedLicenses"] = [{"skuId": _LICENCE["skuId"], "disabledPlans": []}]
        user["accountEnabled"] = alias != DISABLED and mailbox != "shared"
        user["_seed"] = index
        add_user(world, tenant, user, Account(DEMO_PASSWORD, _mailbox_kind(mailbox), is_admin=alias == ADMIN))
    _share_office_mailbox(tenant)
    _add_group_and_site(tenant, number)
    for function in _seeders:
        function(world, tenant)
    return tenant


def add_guest(world: World, tenant: Tenant, home: Tenant, alias: str, number: int) -> None:
    """Invite a user of one company into another."""
    mail = f"{alias}@{home.domains[0]}"
    at_home = home.find_user(mail)
    assert at_home is not None
    principal_name = f"{mail.replace('@', '_')}#EXT#@{tenant.domains[0]}"
    guest = _user(
        f"{number:08x}-0000-4000-8000-{99:012x}", principal_name, f"{at_home['displayName']} (Guest)"
    )
    guest |= {"mail": mail, "userType": "Guest", "creationType": "Invitation"}
    account = Account(DEMO_PASSWORD, "none", home=(home.id, at_home["id"]))
    add_user(world, tenant, guest, account)


def add_user(world: World, tenant: Tenant, user: dict[str, Any], account: Account) -> None:
    """Put a Graph-shaped user with its account into a company."""
    tenant.accounts[user["id"]] = account
    tenant.users.add(user, world.clock.now() - timedelta(days=1))


def _mailbox_kind(text: str) -> Literal["cloud", "shared", "on_premises", "none"]:
    kinds: dict[str, Literal["cloud", "shared", "on_premises", "none"]] = {
        "cloud": "cloud", "shared": "shared", "on_premises": "on_premises", "none": "none",
    }  # fmt: skip
    return kinds[text]


def _user(user_id: str, principal_name: str, display_name: str) -> dict[str, Any]:
    given_name, _, surname = display_name.partition(" ")
    return {
        "id": user_id, "displayName": display_name, "givenName": given_name, "surname": surname,
        "userPrincipalName": principal_name, "mail": principal_name,
        "mailNickname": principal_name.split("@")[0],
        "businessPhones": ["+1 555 0100"], "mobilePhone": None, "officeLocation": "Building 2",
        "preferredLanguage": "en-US", "accountEnabled": True, "userType": "Member", "usageLocation": "US",
        "proxyAddresses": [f"SMTP:{principal_name}"], "otherMails": [], "assignedLicenses": [],
        "createdDateTime": _HIRED.strftime("%Y-%m-%dT%H:%M:%SZ"), "onPremisesSyncEnabled": None,
    }  # fmt: skip


def _share_office_mailbox(tenant: Tenant) -> None:
    office = next(user_id for user_id, account in tenant.accounts.items() if account.mailbox == "shared")
    colleague = tenant.find_user(f"mina.okafor@{tenant.domains[0]}")
    assert colleague is not None
    tenant.accounts[office].delegates.add(colleague["id"])


def _add_group_and_site(tenant: Tenant, number: int) -> None:
    group_id = f"{number:08x}-0000-4000-9000-000000000001"
    tenant.groups.add(
        {
            "id": group_id, "displayName": "Launch Team", "description": "Plans the next launch.",
            "mail": f"launch@{tenant.domains[0]}", "mailEnabled": True, "mailNickname": "launch",
            "securityEnabled": False, "groupTypes": ["Unified"], "visibility": "Private", "_seed": 9,
            "createdDateTime": _HIRED.strftime("%Y-%m-%dT%H:%M:%SZ"),
        },
        _HIRED,
    )  # fmt: skip
    people = [user["id"] for user in tenant.users if user["userType"] == "Member"]
    tenant.members[group_id] = people[:4]
    tenant.managers |= dict.fromkeys(people[1:4], people[0]) | {people[0]: people[4]}
    host = f"{tenant.domains[0].split('.')[0]}.sharepoint.example"
    tenant.sites.add(
        {
            "id": f"{host},{number:08x}-0000-4000-a000-000000000001,{number:08x}-0000-4000-a000-000000000002",
            "name": "launch", "displayName": "Launch Team", "webUrl": f"https://{host}/sites/launch",
            "createdDateTime": _HIRED.strftime("%Y-%m-%dT%H:%M:%SZ"), "siteCollection": {"hostname": host},
        },
        _HIRED,
    )  # fmt: skip
