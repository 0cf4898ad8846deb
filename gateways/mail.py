"""Sends e-mails through an SMTP server (RFC 5321), and says which refusals are for good and which outcomes unknown."""

import asyncio
import re
import smtplib
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from domain.letters import Letter
from settings import Settings, SmtpSecurity

_ENHANCED = re.compile(rb"^(\d\.\d{1,3}\.\d{1,3})\b")  # RFC 3463


class MailRefused(Exception):
    """The server will not take this mail, now or later: a wrong address, or a text it does not like."""


class MailWaits(Exception):
    """Not now, or nobody knows: it is to be sent again under the same Message-ID."""


class Mailer:
    """One SMTP server. A connection a mail: they are few, and a kept one goes stale."""

    def __init__(self, settings: Settings) -> None:
        self._host, self._port = settings.smtp_host, settings.smtp_port
        self._security, self._timeout = settings.smtp_security, float(settings.smtp_timeout)
        self._tls = ssl.create_default_context()  # it reads every certificate of the machine: once, not for each mail
        self._user, self._password = settings.smtp_user, settings.smtp_password.get_secret_value()

    @property
    def configured(self) -> bool:
        """Whether there is a server at all."""
        return bool(self._host)

    async def send(self, letter: Letter) -> None:
        """Hand it over. Raises `MailRefused` or `MailWaits`; neither says the address, which servers like to repeat."""
        message = compose(letter)
        await asyncio.to_thread(self._send, message, letter)

    def _send(self, message: EmailMessage, letter: Letter) -> None:
        try:
            server = self._open()
        except (OSError, smtplib.SMTPException) as away:
            raise MailWaits(f"no connection: {type(away).__name__}") from None
        try:
            _converse(server, message, letter)
            server.quit()
        except (OSError, smtplib.SMTPServerDisconnected):
            pass  # the goodbye is lost, not the mail
        finally:
            server.close()

    def _open(self) -> smtplib.SMTP:
        if self._security is SmtpSecurity.TLS:
            server: smtplib.SMTP = smtplib.SMTP_SSL(self._host, self._port, timeout=self._timeout, context=self._tls)
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=self._timeout)
        try:
            if self._security is SmtpSecurity.STARTTLS:
                server.starttls(context=self._tls)
            if self._user:
                server.login(self._user, self._password)
            server.ehlo_or_helo_if_needed()
        except BaseException:
            server.close()
            raise
        return server


def compose(letter: Letter) -> EmailMessage:
    """The message: text and HTML. `Auto-Submitted` keeps holiday notices away (RFC 3834)."""
    message = EmailMessage(policy=SMTP)
    domain = letter.sender.address.rpartition("@")[2]
    message["From"] = Address(letter.sender.name, addr_spec=letter.sender.address)
    message["To"] = Address(" ".join(letter.to_name.split()), addr_spec=letter.to)
    if letter.sender.reply_to:
        message["Reply-To"] = letter.sender.reply_to
    message["Subject"] = letter.subject
    message["Message-ID"] = f"<{letter.mail_id}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    return message


def _converse(server: smtplib.SMTP, message: EmailMessage, letter: Letter) -> None:
    stage = "before its text"
    try:
        _accept(*server.mail(letter.sender.address), "sender", final=False)
        _accept(*server.rcpt(letter.to), "recipient", final=True)
        stage = "after its text: it may have arrived"
        _accept(*server.data(message.as_bytes()), "text", final=True)
    except smtplib.SMTPDataError as refused:
        _accept(refused.smtp_code, refused.smtp_error, "text", final=True)
    except (OSError, smtplib.SMTPException) as lost:
        raise MailWaits(f"connection lost {stage} ({type(lost).__name__})") from None


def _accept(code: int, answer: bytes | str, what: str, *, final: bool) -> None:
    """Nothing for a yes. What a server says of the sender is about our settings, and never the end of a mail."""
    if 200 <= code < 300:
        return
    told = answer.encode() if isinstance(answer, str) else answer
    enhanced = _ENHANCED.match(told)
    said = f"{what} refused: {code}" + (f" {enhanced[1].decode()}" if enhanced else "")
    raise MailRefused(said) if final and code >= 500 else MailWaits(said)
