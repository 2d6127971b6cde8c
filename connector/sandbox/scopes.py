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
    makes no difference, `delegated` decides. `changes`: the user needs the right to write as well.
    """

    delegated: tuple[str, ...]
    application: tuple[str, ...] = ()
    shared: tuple[str, ...] | None = None
    changes: bool = False

    def accepted(self, *, app_only: bool, own: bool) -> tuple[str, ...]:
        """The permissions that are enough for this kind of caller."""
        if app_only:
            return self.application
        return self.delegated if own or self.shared is None else self.shared


def _mailbox(*names: str, shared: tuple[str, ...] | None = None, admin: tuple[str, ...] = ()) -> Scopes:
    """What is in mailboxes. Microsoft describes the shared permissions as covering one's own mailbox too."""
    shared = tuple(f"{name}.Shared" for name in names) if shared is None else shared
    return Scopes((*names, *shared), (*names, *admin), shared)


def _contacts(*names: str) -> Scopes:
    """What opens the contacts of others opens one's own as well, by its description."""
    shared = tuple(f"{name}.Shared" for name in names)
    return Scopes((*names, *shared), names, shared)


def _same(*names: str) -> Scopes:
    """The same names for a signed-in user and for an app."""
    return Scopes(names, names)


def _files(*actions: str, own: tuple[str, ...] = (), more: tuple[str, ...] = ()) -> Scopes:
    """`own` opens only what belongs to the signed-in user, `more` whatever the others open."""
    everything = (*(f"{area}.{action}.All" for area in ("Files", "Sites") for action in actions), *more)
    mine = tuple(f"Files.{action}" for action in actions)
    return Scopes((*mine, *everything, *own), everything, everything, changes="Read" not in actions)


_READ_USERS = ("User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All")
_READ_USERS_BASIC = ("User.ReadBasic.All", *_READ_USERS)
_WRITE_USERS = ("User.ReadWrite.All", "Directory.ReadWrite.All")
_DELETE_USERS = ("User.DeleteRestore.All", "User.ReadWrite.All")
_REVOKE_SESSIONS = ("User.RevokeSessions.All", *_WRITE_USERS)
_READ_GROUPS = (
    "GroupMember.Read.All", "Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All",
    "Directory.ReadWrite.All",
)  # fmt: skip
_READ_ORGANIZATION = (
    "Organization.Read.All", "Organization.ReadWrite.All", "User.Read.All", "User.ReadWrite.All",
    "Directory.Read.All", "Directory.ReadWrite.All",
)  # fmt: skip
_READ_MEMBERS = ("GroupMember.ReadBasic.All", "GroupMember.ReadWrite.All", *_READ_GROUPS)
_WRITE_GROUPS = ("Group.ReadWrite.All", "Directory.ReadWrite.All")
_WRITE_MEMBERS = ("GroupMember.ReadWrite.All", *_WRITE_GROUPS)
_READ_POSTS = (
    "Group-Conversation.Read.All", "Group-Conversation.ReadWrite.All", "Group.Read.All",
    "Group.ReadWrite.All",
)  # fmt: skip
_WRITE_LICENCES = ("LicenseAssignment.ReadWrite.All", *_WRITE_USERS)
_READ_PHOTOS = ("ProfilePhoto.Read.All", "ProfilePhoto.ReadWrite.All", "User.ReadBasic.All", *_READ_USERS[:2])
_GROUP_PHOTOS = (
    "ProfilePhoto.Read.All", "ProfilePhoto.ReadWrite.All", "Group.Read.All", "Group.ReadWrite.All",
)  # fmt: skip
_TRANSLATE = ("User.ReadBasic.All", "User.Read.All", "User.ReadWrite.All")
_READ_LICENCES = ("LicenseAssignment.Read.All", "LicenseAssignment.ReadWrite.All", *_READ_USERS)

_MEMBERSHIPS = ("Group.ReadBasic.All", *_READ_MEMBERS)

SIGNED_IN = Scopes(("User.Read", "User.ReadWrite", *_READ_USERS_BASIC), _READ_USERS_BASIC, _READ_USERS_BASIC)
USERS_READ_BASIC = Scopes(_READ_USERS_BASIC, _READ_USERS_BASIC)
USERS_READ = Scopes(_READ_USERS, _READ_USERS)
USERS_WRITE = Scopes(_WRITE_USERS, _WRITE_USERS)
PROFILE_WRITE = Scopes(("User.ReadWrite", *_WRITE_USERS), _WRITE_USERS, _WRITE_USERS)
USERS_DELETE = Scopes(_DELETE_USERS, _DELETE_USERS)
SESSIONS_REVOKE = Scopes(_REVOKE_SESSIONS, _REVOKE_SESSIONS)
GROUPS_READ = Scopes(_READ_GROUPS, _READ_GROUPS)
LICENCES_READ = Scopes(("User.Read", "User.ReadWrite", *_READ_LICENCES), _READ_LICENCES, _READ_LICENCES)
ORGANIZATION_READ = Scopes(("User.Read", "User.ReadWrite", *_READ_ORGANIZATION), _READ_ORGANIZATION)
REPORTS_READ = Scopes(("User.Read", "User.ReadWrite", *_READ_USERS), _READ_USERS, _READ_USERS)
MEMBERSHIPS_READ = Scopes(("User.Read", "User.ReadWrite", *_MEMBERSHIPS), _MEMBERSHIPS, _MEMBERSHIPS)
MEMBERSHIPS_READ_ALL = Scopes(
    ("User.Read", "User.ReadWrite", "User.Read.All", *_MEMBERSHIPS),
    ("User.Read.All", *_MEMBERSHIPS),
    ("User.Read.All", *_MEMBERSHIPS),
)
MEMBERSHIPS_CHECK = Scopes(
    ("User.Read", "User.ReadWrite", "User.Read.All", "User.ReadWrite.All", *_MEMBERSHIPS),
    ("User.Read.All", "User.ReadWrite.All", *_MEMBERSHIPS),
    ("User.Read.All", "User.ReadWrite.All", *_MEMBERSHIPS),
)
LICENCES_WRITE = Scopes(_WRITE_LICENCES, _WRITE_LICENCES)
PHOTOS_READ = Scopes(("User.Read", "User.ReadWrite", *_READ_PHOTOS), _READ_PHOTOS, _READ_PHOTOS)
PHOTOS_WRITE = Scopes(
    ("User.ReadWrite", "ProfilePhoto.ReadWrite.All", "User.ReadWrite.All"),
    ("ProfilePhoto.ReadWrite.All", "User.ReadWrite.All"),
    ("ProfilePhoto.ReadWrite.All", "User.ReadWrite.All"),
)
GROUP_PHOTOS_READ = Scopes(_GROUP_PHOTOS, _GROUP_PHOTOS)
GROUP_PHOTOS_WRITE = Scopes(_GROUP_PHOTOS[1::2], _GROUP_PHOTOS[1::2])
INVITE = Scopes(("User.Invite.All", *_WRITE_USERS), ("User.Invite.All", *_WRITE_USERS))
IDS_TRANSLATE = Scopes(("User.Read", "User.ReadWrite", *_TRANSLATE), _TRANSLATE[1:], _TRANSLATE)
PRESENCE_READ = Scopes(
    ("Presence.Read", "Presence.ReadWrite", "Presence.Read.All"),
    ("Presence.Read.All", "Presence.ReadWrite.All"),
    ("Presence.Read.All",),
)
PRESENCES_READ = Scopes(("Presence.Read.All",), ("Presence.Read.All", "Presence.ReadWrite.All"))
PRESENCE_WRITE = Scopes(("Presence.ReadWrite",), ("Presence.ReadWrite.All",), ())
GROUPS_CREATE = Scopes(_WRITE_GROUPS, ("Group.Create", *_WRITE_GROUPS))
GROUPS_WRITE = Scopes(_WRITE_GROUPS, _WRITE_GROUPS)
MEMBERS_READ = Scopes(_READ_MEMBERS, _READ_MEMBERS)
MEMBERS_WRITE = Scopes(_WRITE_MEMBERS, _WRITE_MEMBERS)
POSTS_READ = Scopes(_READ_POSTS, _READ_POSTS)
POSTS_WRITE = Scopes(_READ_POSTS[1::2])

CALENDARS_READ_BASIC = Scopes(
    (
        "Calendars.ReadBasic",
        "Calendars.Read",
        "Calendars.ReadWrite",
        "Calendars.Read.Shared",
        "Calendars.ReadWrite.Shared",
    ),
    ("Calendars.ReadBasic.All", "Calendars.Read", "Calendars.ReadWrite"),
    ("Calendars.Read.Shared", "Calendars.ReadWrite.Shared"),
)
CALENDARS_LIST = Scopes(
    (*CALENDARS_READ_BASIC.delegated, "Calendars.Read.Shared", "Calendars.ReadWrite.Shared"),
    CALENDARS_READ_BASIC.application,
    CALENDARS_READ_BASIC.shared,
)
CALENDARS_READ = _mailbox("Calendars.Read", "Calendars.ReadWrite")
CALENDARS_WRITE = _mailbox("Calendars.ReadWrite")
MEETING_TIMES_FIND = Scopes(("Calendars.Read.Shared", "Calendars.ReadWrite.Shared"))
PLACES_READ = Scopes(("Place.Read.All", "Place.ReadWrite.All"), ("Place.Read.All", "Place.ReadWrite.All"))
PLACES_WRITE = Scopes(("Place.ReadWrite.All",), ("Place.ReadWrite.All",))
ONLINE_MEETINGS_READ = Scopes(
    ("OnlineMeetings.Read", "OnlineMeetings.ReadWrite"),
    ("OnlineMeetings.Read.All", "OnlineMeetings.ReadWrite.All"),
)
ONLINE_MEETINGS_WRITE = Scopes(("OnlineMeetings.ReadWrite",), ("OnlineMeetings.ReadWrite.All",))
MEETING_ARTIFACTS_READ = Scopes(("OnlineMeetingArtifact.Read.All",), ("OnlineMeetingArtifact.Read.All",))
TRANSCRIPTS_READ = Scopes(("OnlineMeetingTranscript.Read.All",), ("OnlineMeetingTranscript.Read.All",))
RECORDINGS_READ = Scopes(("OnlineMeetingRecording.Read.All",), ("OnlineMeetingRecording.Read.All",))
GROUP_CALENDAR_READ = Scopes(("Group.Read.All", "Group.ReadWrite.All"))
GROUP_CALENDAR_WRITE = Scopes(("Group.ReadWrite.All",))

MAIL_READ_BASIC = Scopes(
    (
        "Mail.ReadBasic",
        "Mail.Read",
        "Mail.ReadWrite",
        "Mail.ReadBasic.Shared",
        "Mail.Read.Shared",
        "Mail.ReadWrite.Shared",
    ),
    ("Mail.ReadBasic.All", "Mail.Read", "Mail.ReadWrite"),
    ("Mail.ReadBasic.Shared", "Mail.Read.Shared", "Mail.ReadWrite.Shared"),
)
MAIL_READ = _mailbox("Mail.Read", "Mail.ReadWrite")
MAIL_WRITE = _mailbox("Mail.ReadWrite")
MAIL_SEND = Scopes(("Mail.Send", "Mail.Send.Shared"), ("Mail.Send",), ("Mail.Send.Shared",))
MAIL_TIPS = Scopes(
    ("Mail.Read", "Mail.ReadWrite", "Mail.Read.Shared", "Mail.ReadWrite.Shared"),
    MAIL_READ.application,
    MAIL_READ.shared,
)

CONTACTS_READ = _contacts("Contacts.Read", "Contacts.ReadWrite")
CONTACTS_WRITE = _contacts("Contacts.ReadWrite")
TASKS_READ = Scopes(("Tasks.Read", "Tasks.ReadWrite"), ("Tasks.Read.All", "Tasks.ReadWrite.All"))
TASKS_WRITE = Scopes(("Tasks.ReadWrite",), ("Tasks.ReadWrite.All",))
MAILBOX_SETTINGS_READ = _same("MailboxSettings.Read", "MailboxSettings.ReadWrite")
MAILBOX_SETTINGS_WRITE = _same("MailboxSettings.ReadWrite")
_READ_PROFILES = ("User.ReadBasic.All", "User.Read.All", "User.ReadWrite.All")
OUTLOOK_CHOICES_READ = Scopes(("User.Read", "User.ReadWrite", *_READ_PROFILES), _READ_PROFILES)
PEOPLE_READ = Scopes(("People.Read", "People.Read.All"), ("People.Read.All",), ("People.Read.All",))

FILES_READ = _files("Read", "ReadWrite")
FILES_READ_ITEM = _files("Read", "ReadWrite", more=("Group.Read.All", "Group.ReadWrite.All"))
FILES_WRITE = _files("ReadWrite")
FILES_UPLOAD = Scopes(FILES_WRITE.delegated, ("Sites.ReadWrite.All",), FILES_WRITE.shared, changes=True)
FILES_READ_ALL = Scopes(FILES_READ.application, FILES_READ.application)
FILES_WRITE_ALL = Scopes(FILES_WRITE.application, FILES_WRITE.application, changes=True)
DRIVES_READ = _files("Read", "ReadWrite", own=("User.Read", "User.ReadWrite"))
_SITES = ("Sites.Read.All", "Sites.ReadWrite.All", "Sites.Manage.All", "Sites.FullControl.All")
SITES_READ = Scopes(_SITES, _SITES)
SITES_WRITE = Scopes(_SITES[1:], _SITES[1:])
SITES_MANAGE = Scopes(_SITES[2:], _SITES[2:])
LISTS_CREATE = Scopes(_SITES[2:], _SITES[1:])
FOLLOWED_SITES_READ = Scopes(_SITES[:2])
