# Los formularios.
form-problems = { $count ->
    [one] No se guardó nada: hay un campo por corregir.
   *[other] No se guardó nada: hay { $count } campos por corregir.
}
full-name = Nombre completo
full-name-hint = Como quieres que aparezca en tus certificados.
full-name-blank = Escribe tu nombre.
full-name-too-long = El nombre puede tener hasta 200 caracteres.
full-name-forbidden = El nombre lleva caracteres que no se pueden mostrar. Bórralos y escríbelo de nuevo.
email = Correo electrónico
email-hint = Te enviaremos una carta para confirmarlo.
email-blank = Escribe tu correo electrónico.
email-too-long = El correo puede tener hasta 254 caracteres.
email-local-part = Lo que va antes de la @ solo puede llevar letras sin tilde ni eñe, números y signos.
email-malformed = No parece un correo electrónico. Debería ser como nombre@ejemplo.com.
email-taken = Ya hay una cuenta con este correo. Entra con ella o usa otro.
password = Contraseña
password-hint = Diez caracteres o más. Una frase de varias palabras es fácil de recordar y difícil de adivinar.
show-typed = Mostrar lo que escribo
password-too-short = La contraseña es muy corta: escribe al menos 10 caracteres.
password-too-long = La contraseña es muy larga: puede tener hasta 128 caracteres, o menos si llevan tilde.
password-common = Es una de las contraseñas que se prueban primero. Elige otra.
password-personal = Se adivina con tu nombre, tu correo o el de esta casa. Elige otra cosa.
password-word = Una palabra o un nombre se adivinan pronto. Une varias palabras que no vayan juntas.
password-keyboard = Son teclas vecinas, y eso se adivina pronto. Une varias palabras que no vayan juntas.
password-repeat = Repite lo mismo, y eso se adivina pronto. Une varias palabras que no vayan juntas.
password-sequence = Sigue un orden, como «abc» o «6543», y eso se adivina pronto. Une varias palabras que no vayan juntas.
password-date = Las fechas se adivinan pronto. Une varias palabras que no vayan juntas.
password-simple = Es fácil de adivinar. Añade una o dos palabras más.

# Crear una cuenta.
register-title = Crea tu cuenta
register-lead = Para aprender, o para pedir ayuda.
register-submit = Crear cuenta
register-have-account = ¿Ya tienes cuenta?

# Entrar.
login-title = Entra
login-submit = Entrar
login-no-account = ¿Aún no tienes cuenta?
login-refused = El correo o la contraseña no son correctos.
login-disabled = Esta cuenta está cerrada. Escríbenos si crees que es un error.
login-verified = Tu correo quedó confirmado. Ya puedes entrar.
login-needed = Entra para seguir adonde ibas.

# La cuenta.
account-title = Mi cuenta
account-hello = Hola,
account-registered = Tu cuenta está lista. Te estamos enviando la carta de bienvenida.
account-letter-asked = Te enviaremos la carta otra vez.
account-now-verified = Tu correo quedó confirmado. ¡Gracias!
account-verified = Confirmado el { $at }
account-unverified = Sin confirmar
account-role = Tu papel
account-language = Idioma
account-since = Cuenta creada
language-es = Español
language-en = Inglés
role-learner = Estudiante
role-instructor = Docente
role-agent = Agente de la mesa de ayuda
role-manager = Jefatura de la mesa de ayuda
role-client = Cliente
role-operator = Operación
role-admin = Administración

# La carta de verificación.
letter-title = Confirma tu correo
letter-say = La carta con el enlace va a
letter-queued = En cola
letter-sending = Enviando
letter-sent = Enviada
letter-queued-say = La carta espera su turno; suele salir en unos segundos.
letter-sending-say = La estamos entregando a tu servidor de correo.
letter-sent-say = Tu servidor de correo la recibió. Si no la ves, mira en «correo no deseado».
letter-unknown-say = La entregamos, pero tu servidor no alcanzó a confirmarlo. Puede que la recibas; si no, pídela otra vez.
letter-failed-say = Tu servidor de correo no la aceptó. Revisa que la dirección esté bien escrita, o pídela otra vez.
letter-withheld-say = No enviamos cartas a tu dirección, porque volvieron sin entregarse. Escríbenos para que la revisemos.
account-letters = Mis cartas
letter-again = Enviar de nuevo

# El enlace de la carta.
verify-title = Confirma tu correo
verify-say = Vas a confirmar que esta dirección es tuya:
verify-submit = Sí, es mi correo
verify-used = Este enlace ya se usó
verify-used-say = Tu correo estaba confirmado desde antes. No hace falta nada más.
verify-expired = Este enlace venció
verify-expired-say = Los enlaces valen siete días. Entra en tu cuenta y pide otra carta.
verify-forged = Este enlace no sirve
verify-forged-say = Está incompleto, o es de otra dirección. Ábrelo otra vez desde la carta, o entra en tu cuenta y pide otra.
verify-on = Ir a mi cuenta

# La contraseña olvidada.
login-forgotten = Olvidé mi contraseña
login-new-password = Tu contraseña quedó cambiada y se cerraron todas tus sesiones. Entra con la nueva.
forgotten-title = ¿Olvidaste tu contraseña?
forgotten-say = Escribe tu correo y te enviaremos un enlace para elegir otra.
forgotten-submit = Enviar el enlace
forgotten-asked = Si hay una cuenta con ese correo, la carta va en camino.
forgotten-asked-say = El enlace vale una hora. Si no la ves, mira en «correo no deseado».
forgotten-back = Volver a la entrada
new-password-title = Elige otra contraseña
new-password-say = Al cambiarla se cierran todas tus sesiones.
new-password-submit = Cambiar la contraseña
new-password-forged = Este enlace ya no sirve
new-password-forged-say = Cada enlace vale por un tiempo y una sola vez. Pide otro.
first-password-title = Elige tu contraseña
first-password-say = Con ella y tu correo entras desde ahora.
first-password-submit = Guardar la contraseña
login-first-password = Tu contraseña quedó guardada. Entra con tu correo.

# Lo que cada quien pone en su cuenta.
account-preferences = Preferencias
account-preferences-saved = Tus preferencias quedaron guardadas.
account-language-hint = El de tus cartas, y el de las páginas que no lo dicen en su dirección.
account-zone = Zona horaria
account-zone-hint = Escribe una ciudad y elige: por ese reloj van las horas que ves, tus cartas y tus informes.
account-zone-now = Por el de ahora: { $now }.

# Las cuentas, para quien administra.
nav-accounts = Cuentas
accounts-find = Nombre o correo
accounts-none = No hay ninguna cuenta así.
account-person = Persona
account-role-of = Papel
account-role-hint = Lo que puede abrir. Vale desde que se guarda, también para quien está dentro.
account-of-client = Cliente
account-standing = Estado
account-open = Abierta
account-closed = Cerrada
account-closed-hint = Con una cuenta cerrada no se entra, y no se le envían cartas. Quien esté dentro sale al guardar.
account-change = Cambiar la cuenta
account-nothing-changed = No cambiaste nada.
account-last-admin = No se guardó: es la última cuenta que administra. Antes dale ese papel a otra.
account-changes = Cambios
account-became = Qué cambió
account-was-closed = se cerró
account-was-opened = se volvió a abrir
account-when = Cuándo
