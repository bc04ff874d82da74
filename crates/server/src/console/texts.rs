//! Every text of the console, in every language, from one table.

macro_rules! texts {
    ($($name:ident: $en:literal, $de:literal;)*) => {
        /// All texts in one language.
        pub(super) struct Texts {
            $(pub(super) $name: &'static str,)*
        }

        pub(super) static EN: Texts = Texts { $($name: $en,)* };
        pub(super) static DE: Texts = Texts { $($name: $de,)* };

        #[cfg(test)]
        const ALL: &[(&str, &str, &str)] = &[$((stringify!($name), $en, $de),)*];
    };
}

/// One of the texts, in whichever language.
pub(super) type Text = fn(&Texts) -> &'static str;

texts! {
    skip: "Skip to content", "Zum Inhalt springen";
    account: "Account", "Konto";
    sign_out: "Sign out", "Abmelden";
    sign_out_everywhere: "Sign out everywhere", "Überall abmelden";
    areas: "Areas of the realm", "Bereiche des Realms";
    times_utc: "Times in UTC", "Zeiten in UTC";
    to_start: "To the start page", "Zur Startseite";
    sign_in: "Sign in", "Anmelden";
    sign_in_hint: "Sign in with a management key. It is sent to this server only, and no page ever shows it.", "Melden Sie sich mit einem Verwaltungsschlüssel an. Er geht nur an diesen Server, und keine Seite zeigt ihn je an.";
    sign_in_provider: "Sign in with your organisation", "Mit dem Konto Ihrer Organisation anmelden";
    signed_in: "You are signed in", "Sie sind angemeldet";
    or_key: "Or with a key", "Oder mit einem Schlüssel";
    provider_refused: "The identity provider has not let you in, or its answer does not fit this sign-in. Try again.", "Der Identitätsanbieter hat Sie nicht eingelassen, oder seine Antwort passt nicht zu dieser Anmeldung. Versuchen Sie es noch einmal.";
    provider_away: "The identity provider cannot be reached just now. Try again in a moment, or sign in with a key.", "Der Identitätsanbieter ist gerade nicht erreichbar. Versuchen Sie es gleich noch einmal, oder melden Sie sich mit einem Schlüssel an.";
    provider_nobody: "You may do nothing here yet. Ask an administrator to give your account a role.", "Sie dürfen hier noch nichts. Bitten Sie um eine Rolle für Ihr Konto.";
    choose_way: "Where do you want to sign in?", "Wo möchten Sie sich anmelden?";
    choose_way_hint: "You were invited to several places. What you may do in one of them does not count in another.", "Sie sind an mehreren Stellen eingeladen. Was Sie an der einen dürfen, gilt nicht an der anderen.";
    sign_in_refused: "This key is not accepted.", "Dieser Schlüssel wird nicht angenommen.";
    session_ended: "Your sign-in has ended. Sign in again, and you are brought back to where you were.", "Ihre Anmeldung ist abgelaufen. Nach der nächsten Anmeldung sind Sie wieder dort, wo Sie waren.";
    management_key: "Management key", "Verwaltungsschlüssel";
    show: "Show", "Anzeigen";
    realms: "Realms", "Realms";
    signed_in_as: "Signed in with the key", "Angemeldet mit dem Schlüssel";
    no_realms: "There is no realm for this key", "Für diesen Schlüssel gibt es kein Realm";
    no_realms_hint: "Make one with `edgelatch init`, or ask whoever gave you the key for a wider scope.", "Legen Sie eines mit `edgelatch init` an, oder bitten Sie um einen Schlüssel mit weiterem Geltungsbereich.";
    keys: "Keys", "Schlüssel";
    api_keys: "API keys", "API-Schlüssel";
    roles: "Roles", "Rollen";
    role: "Role", "Rolle";
    owners: "Owners", "Inhaber";
    owner: "Owner", "Inhaber";
    orgs: "Orgs", "Organisationen";
    org: "Org", "Organisation";
    people: "People", "Personen";
    no_people: "Nobody was invited yet", "Noch wurde niemand eingeladen";
    invite: "Invite somebody", "Jemanden einladen";
    send_invitation: "Invite", "Einladen";
    invited: "Invited", "Eingeladen";
    invitation: "Invitation", "Einladung";
    invitation_over: "Invitation over", "Einladung abgelaufen";
    invited_by: "Invited by", "Eingeladen von";
    last_sign_in: "Last sign-in, or link until", "Letzte Anmeldung, oder Link bis";
    by_rules: "By the identity provider's rules", "Nach den Regeln des Identitätsanbieters";
    remove: "Remove", "Entfernen";
    person_remove_warning: "Their sign-ins and keys end at once, and an invitation that is open counts no more.", "Anmeldungen und Schlüssel dieser Person enden sofort, und eine offene Einladung gilt nicht mehr.";
    new_link: "New link", "Neuer Link";
    email: "E-mail address", "E-Mail-Adresse";
    link: "Link", "Link";
    link_until: "The link counts until", "Der Link gilt bis";
    link_once: "This link is shown once.", "Dieser Link wird nur einmal gezeigt.";
    link_detail: "Send it to nobody else: whoever opens it first gets the key. It counts once.", "Senden Sie ihn niemandem sonst: Wer ihn zuerst öffnet, erhält den Schlüssel. Er gilt einmal.";
    link_provider: "Whoever signs in at your identity provider with this address needs no link.", "Wer sich bei Ihrem Identitätsanbieter mit dieser Adresse anmeldet, braucht keinen Link.";
    link_for: "The link counts for", "Der Link gilt";
    you_are_invited: "You are invited", "Sie sind eingeladen";
    invitation_hint: "Accepting makes your management key, which is shown once: you sign in with it from then on. If the field is empty, paste the link that you were sent.", "Mit der Annahme entsteht Ihr Verwaltungsschlüssel, der einmal gezeigt wird: Mit ihm melden Sie sich künftig an. Ist das Feld leer, fügen Sie den Link ein, den Sie erhalten haben.";
    accept_invitation: "Accept, and show my key", "Annehmen und meinen Schlüssel zeigen";
    invitation_provider: "Or sign in with your organisation, if your address was invited", "Oder melden Sie sich mit dem Konto Ihrer Organisation an, wenn Ihre Adresse eingeladen wurde";
    activity: "Audit log", "Änderungsprotokoll";
    alerts: "Alerts", "Meldungen";
    fleet: "Fleet", "Edges";
    search: "Search", "Suche";
    search_hint: "Name, description, key ID or prefix", "Name, Beschreibung, Schlüssel-ID oder Anfang";
    status: "Status", "Status";
    any: "Any", "Beliebig";
    all: "All", "Alle";
    which: "Which", "Welche";
    never_used: "Never used", "Nie benutzt";
    rotation_due: "Rotation due", "Erneuerung fällig";
    expires_soon: "Expires within 30 days", "Läuft in 30 Tagen ab";
    unused: "Not used for 90 days", "Seit 90 Tagen unbenutzt";
    apply: "Apply", "Anwenden";
    nothing_fits: "No key fits", "Kein Schlüssel passt";
    show_all: "Show all keys", "Alle Schlüssel zeigen";
    no_keys: "No keys yet", "Noch keine Schlüssel";
    no_keys_hint: "A key lets a program call your API. Give each program one of its own, with no more than it needs: so one can be revoked without the others.", "Mit einem Schlüssel ruft ein Programm Ihre API auf. Geben Sie jedem Programm einen eigenen, der nicht mehr darf als nötig: So lässt sich einer widerrufen, ohne dass die anderen betroffen sind.";
    key_counted: "key", "Schlüssel";
    keys_counted: "keys", "Schlüssel";
    key_revoked: "key revoked", "Schlüssel widerrufen";
    keys_revoked: "keys revoked", "Schlüssel widerrufen";
    key_changed: "key changed", "Schlüssel geändert";
    keys_changed: "keys changed", "Schlüssel geändert";
    select: "Select", "Auswählen:";
    select_all: "Select all on this page", "Alle auf dieser Seite auswählen";
    actions: "Actions", "Aktionen";
    revoke_selected: "Revoke selected", "Ausgewählte widerrufen";
    nothing_selected: "No key is selected.", "Es ist kein Schlüssel ausgewählt.";
    pages: "Pages", "Seiten";
    previous: "Previous", "Zurück";
    next: "Next", "Weiter";
    name: "Name", "Name";
    key_name: "Name", "Name";
    name_or_description: "Name or Description", "Name oder Beschreibung";
    api_key: "API key", "API-Schlüssel";
    key_id: "Key ID", "Schlüssel-ID";
    key_prefix: "Key prefix", "Anfang";
    created: "Created", "Erstellt";
    created_at: "Created at", "Erstellt am";
    changed: "Changed", "Geändert";
    expires: "Expires", "Läuft ab";
    last_used: "Last used", "Zuletzt benutzt";
    last_logged_in: "Last Logged In", "Letzte Anmeldung";
    last_logged_in_ip: "Last Logged In IP", "IP der letzten Anmeldung";
    never: "Never", "Nie";
    day: "day", "Tag";
    days: "days", "Tage";
    expired: "Expired", "Abgelaufen";
    active: "Active", "Aktiv";
    pending: "Pending", "Noch nicht gültig";
    revoked: "Revoked", "Widerrufen";
    view: "View", "Ansehen";
    edit: "Edit", "Bearbeiten";
    rotate: "Rotate", "Erneuern";
    view_log: "View audit log", "Anfragen ansehen";
    revoke: "Revoke", "Widerrufen";
    rotate_key: "Rotate key", "Schlüssel erneuern";
    revoke_key: "Revoke key", "Schlüssel widerrufen";
    delete_key: "Delete key", "Schlüssel löschen";
    enable: "Enable again", "Wieder aktivieren";
    delete: "Delete", "Löschen";
    create_key: "Create key", "Schlüssel anlegen";
    panel_key: "Key", "Schlüssel";
    panel_api_key: "API Key", "API-Schlüssel";
    panel_access: "Access", "Zugriff";
    step_basic: "Basic Information", "Grundangaben";
    step_scope: "Access Scope", "Geltungsbereich";
    step_roles: "Assign Roles", "Rollen zuweisen";
    step_configure: "Configure key settings", "Schlüssel einrichten";
    description: "Description", "Beschreibung";
    optional: "(optional)", "(freiwillig)";
    environment: "Environment", "Umgebung";
    choose: "Choose…", "Auswählen …";
    no_roles_hint: "There are no roles here yet.", "Hier gibt es noch keine Rollen.";
    scope: "Access scope", "Geltungsbereich";
    all_services: "All services", "Alle Dienste";
    all_services_hint: "present and future ones", "heutige und künftige";
    some_services: "Only these", "Nur diese";
    services: "Services", "Dienste";
    service: "Service", "Dienst";
    permission: "Permission", "Berechtigung";
    expiration: "Expiration", "Ablauf";
    keep: "As it is", "Wie bisher";
    no_expiry: "No expiry", "Kein Ablauf";
    set_date: "Set date", "Datum wählen";
    day_1: "1 day", "1 Tag";
    week_1: "1 week", "1 Woche";
    month_1: "1 month", "1 Monat";
    month_3: "3 months", "3 Monate";
    year_1: "1 year", "1 Jahr";
    allow_list: "IP allow list", "Erlaubte IP-Adressen";
    allow_hint: "Addresses or networks that may use the key. Empty: any address.", "Adressen oder Netze, die den Schlüssel benutzen dürfen. Leer: jede Adresse.";
    deny_list: "IP deny list", "Gesperrte IP-Adressen";
    deny_hint: "Addresses or networks that may not. An address on both lists is allowed where the allow list is asked first.", "Adressen oder Netze, die ihn nicht benutzen dürfen. Steht eine auf beiden Listen, gilt die, die zuerst gefragt wird.";
    at_most: "Entries at most:", "Einträge höchstens:";
    enabled: "Enabled", "Aktiv";
    disabled: "disabled", "ausgeschaltet";
    address: "Address", "Adresse";
    note: "Note", "Bemerkung";
    add_entry: "Add entry", "Eintrag hinzufügen";
    cancel: "Cancel", "Abbrechen";
    create: "Create", "Anlegen";
    back: "Back", "Zurück";
    next_step: "Next", "Weiter";
    review: "Review", "Prüfen";
    save: "Save changes", "Änderungen speichern";
    save_anyway: "Save mine over theirs", "Meine Fassung speichern";
    conflict: "Somebody else has changed this key meanwhile", "Jemand hat diesen Schlüssel inzwischen geändert";
    conflict_hint: "Nothing was saved. Changed last by", "Nichts wurde gespeichert. Zuletzt geändert von";
    field: "Field", "Feld";
    theirs: "As it is now", "Jetziger Stand";
    yours: "As you typed it", "Ihre Eingabe";
    take_theirs: "Drop mine", "Meine verwerfen";
    not_editable: "Keys cannot be changed here. Revoke this one, and make another.", "Schlüssel lassen sich hier nicht ändern. Widerrufen Sie diesen und legen Sie einen neuen an.";
    your_key: "Your key", "Ihr Schlüssel";
    once_title: "This is the only time that you see it.", "Sie sehen ihn nur dieses eine Mal.";
    once_detail: "Copy it now and keep it safe: nobody can show it again.", "Kopieren Sie ihn jetzt und verwahren Sie ihn sicher: Niemand kann ihn noch einmal anzeigen.";
    secret: "Secret", "Geheimnis";
    copy: "Copy", "Kopieren";
    copied: "Copied", "Kopiert";
    save_pak: "Save (.PAK)", "Speichern (.PAK)";
    made_before: "This was done before by the same form: the secret was shown then, and cannot be shown again.", "Das ist mit demselben Formular schon geschehen: Das Geheimnis wurde damals gezeigt und kann nicht noch einmal gezeigt werden.";
    old_until: "The old secret lives until", "Das alte Geheimnis gilt bis";
    have_copied: "I have copied it", "Ich habe ihn kopiert";
    done: "Done", "Fertig";
    leave_unsaved: "You have not copied the key. Leave anyway?", "Sie haben den Schlüssel nicht kopiert. Trotzdem gehen?";
    rotate_warning: "The key gets a new secret. Programs with the old one are refused: at once, or once the overlap that you choose is over.", "Der Schlüssel bekommt ein neues Geheimnis. Programme mit dem alten werden abgewiesen: sofort, oder wenn die gewählte Übergangszeit vorbei ist.";
    overlap: "Let the old secret live on for", "Altes Geheimnis gilt noch";
    overlap_none: "not at all", "gar nicht";
    revoke_warning: "Applications using this key will stop working.", "Programme mit diesem Schlüssel funktionieren nicht mehr.";
    revoke_final: "This cannot be undone.", "Das lässt sich nicht rückgängig machen.";
    enable_warning: "The key is accepted again, with the secret that it had.", "Der Schlüssel wird mit seinem bisherigen Geheimnis wieder angenommen.";
    delete_warning: "Deletion is permanent: applications using this key lose access at once, and its settings are gone.", "Löschen ist endgültig: Programme mit diesem Schlüssel verlieren sofort den Zugriff, und seine Einstellungen sind fort.";
    type_name: "Type the name to confirm:", "Zur Bestätigung den Namen eingeben:";
    details: "Details", "Einzelheiten";
    uses: "Uses", "Benutzungen";
    refused: "refused", "abgewiesen";
    passed: "passed", "bestanden";
    no_entries: "None.", "Keine.";
    explain: "What would this key get?", "Was bekäme dieser Schlüssel?";
    explain_hint: "Asked of the rules that edges go by, step by step.", "Gefragt werden die Regeln der Edges, Schritt für Schritt.";
    ask: "Ask", "Fragen";
    request_log: "Requests", "Anfragen";
    refresh: "Refresh", "Aktualisieren";
    no_requests: "No requests yet", "Noch keine Anfragen";
    no_requests_hint: "Edges report requests with a delay of some seconds.", "Edges melden Anfragen mit einigen Sekunden Verzögerung.";
    timestamp: "Timestamp", "Zeitpunkt";
    method: "Method", "Methode";
    endpoint: "Endpoint", "Endpunkt";
    ip_address: "IP address", "IP-Adresse";
    country: "Country", "Land";
    verify_chain: "Check the chain", "Kette prüfen";
    chain_whole: "No row is missing or altered. The end of the chain is", "Keine Zeile fehlt oder wurde verändert. Das Ende der Kette ist";
    export: "Export", "Exportieren";
    export_requests: "Export requests", "Anfragen exportieren";
    action: "Action", "Aktion";
    actor: "Who", "Wer";
    target: "On what", "Woran";
    no_activity: "Nothing was done yet", "Noch ist nichts geschehen";
    before: "Before", "Vorher";
    after: "After", "Nachher";
    permissions: "Permissions", "Berechtigungen";
    whole_realm: "Whole realm", "Ganzes Realm";
    predefined: "Predefined", "Vorgegeben";
    kind: "Kind", "Art";
    no_roles: "There are no roles yet", "Noch keine Rollen";
    no_owners: "There are no owners yet", "Noch keine Inhaber";
    no_orgs: "There are no orgs yet", "Noch keine Organisationen";
    no_alerts: "Nothing was reported", "Nichts gemeldet";
    no_edges: "No edge has reported yet", "Noch hat sich keine Edge gemeldet";
    redeliver: "Deliver again", "Noch einmal zustellen";
    at: "When", "Wann";
    delivery: "Delivery", "Zustellung";
    waits: "Waits", "Wartet";
    no_webhook: "No webhook", "Kein Webhook";
    delivered: "Delivered", "Zugestellt";
    given_up: "Not delivered", "Nicht zugestellt";
    all_events: "All events", "Alle Ereignisse";
    parts: "Which are shown", "Welche gezeigt werden";
    edge: "Edge", "Edge";
    epoch: "Epoch", "Epoche";
    behind: "Behind", "Zurück um";
    age: "Age of head", "Alter des Heads";
    seen: "Last heard of", "Zuletzt gehört";
    live: "Live", "Erreichbar";
    lacking: "Lack the last change", "Ohne letzte Änderung";
    gone: "Gone", "Verschwunden";
    yes: "Yes", "Ja";
    no: "No", "Nein";
    everywhere: "Everywhere", "Überall";
    published: "Published", "Veröffentlicht";
    targets: "Targets", "Ziele";
    prefix: "Prefix", "Präfix";
    limits: "Key limit", "Höchstzahl";
    foreign_title: "This form was not sent from here", "Dieses Formular kam nicht von hier";
    foreign_detail: "Another site sent it, or it was open while somebody else signed in. Nothing was done: go back, load the page again and send it once more.", "Eine andere Seite hat es geschickt, oder es war noch offen, als sich jemand anders anmeldete. Nichts ist geschehen: Gehen Sie zurück, laden Sie die Seite neu und senden Sie es noch einmal.";
    unreadable_title: "This form cannot be read", "Dieses Formular ist nicht lesbar";
    unreadable_detail: "It is too large, or no form. Nothing was done.", "Es ist zu groß oder kein Formular. Nichts ist geschehen.";
    nothing_title: "There is nothing here", "Hier gibt es nichts";
    nothing_detail: "The page does not exist, or what it was about is gone.", "Die Seite gibt es nicht, oder das, wovon sie handelte, ist fort.";
    usage: "Usage of 30 days", "Benutzung in 30 Tagen";
    as_table: "As a table", "Als Tabelle";
    accepted: "accepted", "angenommen";
    leak: "Leaked secret", "Geheimnis gefunden";
    leak_hint: "Somebody has found a secret where it does not belong? Paste it here: it is compared, and neither kept nor shown again.", "Jemand hat ein Geheimnis gefunden, wo es nicht hingehört? Fügen Sie es hier ein: Es wird verglichen und weder aufgehoben noch wieder angezeigt.";
    leak_text: "The text that was found", "Der gefundene Text";
    leak_find: "Find the key", "Schlüssel suchen";
    leak_revoke: "Find and revoke", "Suchen und widerrufen";
    leak_found: "It is the secret of", "Es ist das Geheimnis von";
    leak_revoked: "Revoked:", "Widerrufen:";
    create_role: "New role", "Neue Rolle";
    create_owner: "New owner", "Neuer Inhaber";
    create_org: "New org", "Neue Organisation";
    identifier: "Identifier", "Bezeichner";
    keys_refused: "Its keys are refused", "Seine Schlüssel werden abgewiesen";
    preset: "Preset", "Vorlage";
    settings: "Settings", "Einstellungen";
    settings_hint: "Keys that exist stay as they are, also where new ones could no longer be made so. Lists are words with blanks between them.", "Vorhandene Schlüssel bleiben, wie sie sind, auch wo sich neue nicht mehr so anlegen ließen. Listen sind Wörter mit Leerzeichen dazwischen.";
    conflict_thing: "Somebody else has changed this meanwhile; nothing was saved", "Jemand hat das inzwischen geändert; nichts wurde gespeichert";
    thing_delete_warning: "Deletion is permanent. What still has keys is not deleted.", "Löschen ist endgültig. Woran noch Schlüssel hängen, das wird nicht gelöscht.";
    edit_selected: "Change selected", "Ausgewählte ändern";
    edit_selected_hint: "What is left empty stays as it is, key by key.", "Was leer bleibt, bleibt bei jedem Schlüssel, wie es ist.";
    add_allow: "Add to the IP allow lists", "Zu den erlaubten IP-Adressen hinzufügen";
    add_deny: "Add to the IP deny lists", "Zu den gesperrten IP-Adressen hinzufügen";
    import: "Import", "Übernehmen";
    import_title: "Import keys", "Schlüssel übernehmen";
    import_hint: "Keys of another system go on working: give the SHA-256 digests of their texts, not the texts. Try it first: all lines are imported, or none.", "Schlüssel eines anderen Systems gelten weiter: Geben Sie die SHA-256-Digests ihrer Texte an, nicht die Texte. Prüfen Sie erst: Alle Zeilen werden übernommen oder keine.";
    import_lines: "Lines", "Zeilen";
    import_file: "From a file", "Aus einer Datei";
    import_defaults: "For lines that say nothing else", "Für Zeilen, die nichts anderes sagen";
    import_try: "Try it", "Prüfen";
    import_would: "Nothing is wrong. Keys that would be imported:", "Alles in Ordnung. Schlüssel, die übernommen würden:";
    import_done: "Imported keys:", "Übernommene Schlüssel:";
    import_refused: "Lines that are refused:", "Abgewiesene Zeilen:";
    import_too_large: "Nothing was sent or read: a form may hold", "Nichts wurde gesendet oder gelesen: Ein Formular fasst höchstens";
    import_larger: "Import more in several parts, or with the command", "Übernehmen Sie mehr in mehreren Teilen oder mit dem Befehl";
    line: "Line", "Zeile";
    column: "Column", "Spalte";
    reason: "Reason", "Grund";
    usage_title: "Usage", "Benutzung";
    span: "By", "Je";
    by_day: "Days of a month", "Tage eines Monats";
    by_hour: "Hours of two days", "Stunden zweier Tage";
    verdicts: "Verdicts", "Urteile";
    verdicts_hint: "What edges have answered since the realm began.", "Was Edges geantwortet haben, seit es das Realm gibt.";
    verdict: "Verdict", "Urteil";
    number: "Number", "Anzahl";
    health: "Health", "Zustand";
    all_fine: "Nothing is wrong.", "Alles in Ordnung.";
    place: "Place", "Ort";
    code: "Code", "Code";
    since: "Since", "Seit";
    failing: "Failing", "Gestört";
    warning: "Warning", "Warnung";
    head: "Head", "Head";
    counts_until: "Counts until", "Gilt bis";
    no_head: "Edges get no head of this realm here yet.", "Edges bekommen hier noch keinen Head dieses Realms.";
    trust: "Trust", "Vertrauen";
    root_version: "Root", "Root";
    era: "Era", "Ära";
    sign_roots: "Sign roots", "Signieren Roots";
    sign_heads: "Sign heads", "Signieren Heads";
    of_these: "of these must sign:", "davon müssen signieren:";
    ceremony_hint: "Sign the next root before this one ends: no edge accepts a head after that.", "Signieren Sie den nächsten Root, bevor dieser endet: Danach nimmt keine Edge mehr einen Head an.";
    no_root: "No root of this realm can be read here yet.", "Hier lässt sich noch kein Root dieses Realms lesen.";
    failed_title: "The server failed", "Der Server hat versagt";
    failed_detail: "Try again in a moment; its log says more.", "Versuchen Sie es gleich noch einmal; sein Protokoll sagt mehr.";
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each is there in both, and used by a page.
    #[test]
    fn no_text_is_missing_or_idle() {
        let pages = [
            include_str!("../../templates/frame.html"),
            include_str!("../../templates/stopped.html"),
            include_str!("../../templates/sign_in.html"),
            include_str!("../../templates/start.html"),
            include_str!("../../templates/keys.html"),
            include_str!("../../templates/fields.html"),
            include_str!("../../templates/ip_list.html"),
            include_str!("../../templates/key_new.html"),
            include_str!("../../templates/key_edit.html"),
            include_str!("../../templates/secret.html"),
            include_str!("../../templates/key_act.html"),
            include_str!("../../templates/key.html"),
            include_str!("../../templates/selected.html"),
            include_str!("../../templates/requests.html"),
            include_str!("../../templates/table.html"),
            include_str!("../../templates/activity.html"),
            include_str!("views.rs"),
            include_str!("../../templates/choose_org.html"),
            include_str!("stop.rs"),
            include_str!("sign_in.rs"),
            include_str!("../../templates/signed_in.html"),
            include_str!("../../templates/choose_way.html"),
            include_str!("frame.rs"),
            include_str!("../../templates/leak.html"),
            include_str!("tables.rs"),
            include_str!("cells.rs"),
            include_str!("keys/list.rs"),
            include_str!("keys/acts.rs"),
            include_str!("keys/show.rs"),
            include_str!("health.rs"),
            include_str!("things/mod.rs"),
            include_str!("things/fields.rs"),
            include_str!("../../templates/thing.html"),
            include_str!("../../templates/thing_delete.html"),
            include_str!("../../templates/chart.html"),
            include_str!("../../templates/usage.html"),
            include_str!("../../templates/health.html"),
            include_str!("../../templates/import.html"),
            include_str!("../../templates/invited.html"),
            include_str!("../../templates/invitation.html"),
            include_str!("../../templates/welcome.html"),
            include_str!("people.rs"),
            include_str!("things/forms.rs"),
        ];
        for (name, en, de) in ALL {
            assert!(!en.is_empty() && !de.is_empty(), "{name}");
            let used = |page: &&str| {
                page.match_indices(&format!("t.{name}"))
                    .any(|(at, text)| !page[at + text.len()..].starts_with(|next: char| next.is_alphanumeric() || next == '_'))
            };
            assert!(pages.iter().any(used), "{name} is used nowhere");
        }
    }
}
