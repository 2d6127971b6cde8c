"""Which permissions open which routes: a table of the sandbox's own, so that it can contradict the connector.

Source: the permissions tables of the Microsoft Graph reference pages. A row lists every permission that is
enough; the least privileged comes first and is the one an error names.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scopes:
    """Permissions of which any one opens a route.

    `delegated` opens what belongs to the signed-in user, `shared` what belongs to others and was shared with
    that user, `application` everything of the company for an app without user. `shared=None`: whose it is
    makes no difference, `delegated` decides.
    """

    delegated: tuple[str, ...]
    application: tuple[str, ...] = ()
    shared: tuple[str, ...] | None = None

    def accepted(self, *, app_only: bool, own: bool) -> tuple[str, ...]:
        """The permissions that are enough for this kind of caller."""
        if app_only:
            return self.application
        return self.delegated if own or self.shared is None else self.shared


def _mailbox(*names: str, shared: tuple[str, ...] | None = None, admin: tuple[str, ...] = ()) -> Scopes:
    return Scopes(
        names, (*names, *admin), tuple(f"{name}.Shared" for name in names) if shared is None else shared
    )


def _files(*actions: str, sites: tuple[str, ...]) -> Scopes:
    everything = (*(f"Files.{action}.All" for action in actions), *(f"Sites.{site}.All" for site in sites))
    own = tuple(f"Files.{action}" for action in actions)
    return Scopes((*own, *everything), everything, everything)


_READ_USERS = ("User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All")
_READ_USERS_BASIC = ("User.ReadBasic.All", *_READ_USERS)
_WRITE_USERS = ("User.ReadWrite.All", "Directory.ReadWrite.All")
_DELETE_USERS = ("User.DeleteRestore.All", *_WRITE_USERS)
_REVOKE_SESSIONS = ("User.RevokeSessions.All", *_WRITE_USERS)
_READ_GROUPS = (
    "GroupMember.Read.All", "Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All",
    "Directory.ReadWrite.All",
)  # fmt: skip
_READ_ORGANIZATION = ("Organization.Read.All", "Directory.Read.All")

SIGNED_IN = Scopes(("User.Read", "User.ReadWrite", *_READ_USERS_BASIC), _READ_USERS_BASIC, _READ_USERS_BASIC)
USERS_READ_BASIC = Scopes(_READ_USERS_BASIC, _READ_USERS_BASIC)
USERS_READ = Scopes(_READ_USERS, _READ_USERS)
USERS_WRITE = Scopes(_WRITE_USERS, _WRITE_USERS)
PROFILE_WRITE = Scopes(("User.ReadWrite", *_WRITE_USERS), _WRITE_USERS, _WRITE_USERS)
USERS_DELETE = Scopes(_DELETE_USERS, _DELETE_USERS)
SESSIONS_REVOKE = Scopes(_REVOKE_SESSIONS, _REVOKE_SESSIONS)
GROUPS_READ = Scopes(_READ_GROUPS, _READ_GROUPS)
ORGANIZATION_READ = Scopes(("User.Read", *_READ_ORGANIZATION), _READ_ORGANIZATION)

CALENDARS_READ_BASIC = Scopes(
    ("Calendars.ReadBasic", "Calendars.Read", "Calendars.ReadWrite"),
    ("Calendars.ReadBasic.All", "Calendars.Read", "Calendars.ReadWrite"),
    ("Calendars.Read.Shared", "Calendars.ReadWrite.Shared"),
)
CALENDARS_READ = _mailbox("Calendars.Read", "Calendars.ReadWrite")
CALENDARS_WRITE = _mailbox("Calendars.ReadWrite")
GROUP_CALENDAR_READ = Scopes(("Group.Read.All", "Group.ReadWrite.All"))
GROUP_CALENDAR_WRITE = Scopes(("Group.ReadWrite.All",))

MAIL_READ_BASIC = Scopes(
    ("Mail.ReadBasic", "Mail.Read", "Mail.ReadWrite"),
    ("Mail.ReadBasic.All", "Mail.Read", "Mail.ReadWrite"),
    ("Mail.ReadBasic.Shared", "Mail.Read.Shared", "Mail.ReadWrite.Shared"),
)
MAIL_READ = _mailbox("Mail.Read", "Mail.ReadWrite")
MAIL_WRITE = _mailbox("Mail.ReadWrite")
MAIL_SEND = _mailbox("Mail.Send")

FILES_READ = _files("Read", "ReadWrite", sites=("Read", "ReadWrite"))
FILES_WRITE = _files("ReadWrite", sites=("ReadWrite",))
SITES_READ = Scopes(
    ("Sites.Read.All", "Sites.ReadWrite.All", "Sites.FullControl.All"),
    ("Sites.Read.All", "Sites.ReadWrite.All", "Sites.FullControl.All"),
)
